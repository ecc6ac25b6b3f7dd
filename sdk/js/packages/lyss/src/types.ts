/** What this interface's answers are made of. Times are ISO 8601 in UTC. */

import type { ProviderType } from '@chatplatform/client';

export interface Page<T> {
  items: T[];
  pagination: { page: number; pageSize: number; total: number; totalPages: number; hasNext: boolean; hasPrev: boolean };
}

export interface User {
  id: number;
  username: string;
  email: string;
  role: 'user' | 'admin';
  isActive: boolean;
  createdAt: string;
  updatedAt: string;
}

export interface Session {
  user: User;
  accessToken: string;
  refreshToken: string;
  tokenType: string;
  /** Seconds that the access token lasts. */
  expiresIn: number;
}

export interface Provider {
  id: number;
  name: string;
  providerType: ProviderType;
  scope: 'personal' | 'organization';
  createdBy: number | null;
  apiBaseUrl: string;
  /** As the platform has it: `max_tokens`, not `maxTokens`. */
  config: Record<string, unknown>;
  isActive: boolean;
  isDefault: boolean;
  /** Null for those who may not change it. */
  hasKey: boolean | null;
  keyLast4: string | null;
  createdAt: string;
  updatedAt: string;
}

export interface NewProvider {
  name: string;
  providerType: ProviderType;
  scope?: 'personal' | 'organization';
  apiKey?: string;
  apiBaseUrl?: string;
  /** As the platform has it: `max_tokens`, not `maxTokens`. */
  config?: Record<string, unknown>;
}

export interface ProviderChange {
  name?: string;
  apiKey?: string;
  apiBaseUrl?: string;
  config?: Record<string, unknown>;
  isActive?: boolean;
  /** Ids of the providers to ask when it fails, in order. */
  fallbacks?: number[];
}

export interface ProviderName {
  id: number;
  name: string;
  providerType: ProviderType;
}

export interface Person {
  id: number;
  username: string;
  email: string;
}

export interface Distribution {
  id: number;
  userId: number;
  user: Person;
  distributedBy: number | null;
  distributor: Person | null;
  distributedAt: string;
  isActive: boolean;
}

export interface Conversation {
  id: number;
  title: string;
  userId: number;
  providerId: number | null;
  /** The user's own. */
  metadata: Record<string, unknown>;
  createdAt: string;
  updatedAt: string;
}

export interface ConversationItem {
  id: number;
  title: string;
  provider: ProviderName | null;
  messageCount: number;
  lastMessageAt: string | null;
  createdAt: string;
}

export interface ConversationDetail extends Conversation {
  provider: ProviderName | null;
  messages: Message[];
}

export interface Message {
  id: number;
  role: 'user' | 'assistant' | 'system';
  content: string;
  status: string;
  /** Of answers. The cost is in US dollars, null where nobody knows the price. */
  metadata?: { model: string; tokensUsed: number; cost: number | null; cached: boolean };
  turnId?: string;
  createdAt: string;
}

export interface Reply {
  message: Message;
  conversation: { id: number; title: string; updatedAt: string };
  provider: ProviderName | null;
  turnId: string;
  stopped: boolean;
}

export interface SendRequest {
  /** The last one is the user's. Those before it count in a new conversation. */
  messages: { role: 'user' | 'assistant' | 'system'; content: string }[];
  providerId?: number;
  /** Without it a new one begins. */
  conversationId?: number;
  model?: string;
  temperature?: number;
  maxTokens?: number;
  /** The same key never makes a second turn. Without one the client makes one up. */
  idempotencyKey?: string;
}

export interface StartEvent {
  type: 'start';
  conversationId: number;
  turnId: string;
  messageId: number;
  model: string;
}

export interface ContentEvent {
  type: 'content';
  content: string;
}

export interface EndEvent {
  type: 'end';
  turnId: string;
  messageId: number;
  tokensUsed: number;
  /** US dollars; null where nobody knows the price. */
  cost: number | null;
  cached: boolean;
  stopped?: boolean;
}
