/** What the platform's answers are made of, by the names that they have on the wire. Times are ISO 8601 in UTC. */

export interface Pagination {
  page: number;
  size: number;
  total: number;
  pages: number;
}

export interface Page<T> {
  items: T[];
  pagination: Pagination;
}

export interface User {
  id: string;
  username: string;
  email: string;
  display_name: string;
  role: string;
  tier: string;
  is_active: boolean;
  is_vip: boolean;
  created_at: string;
  updated_at: string;
}

export interface SignedIn {
  user: User;
  access_token: string;
  refresh_token: string;
  token_type: string;
  /** Seconds that the access token lasts. */
  expires_in: number;
}

/** Null: no limit. */
export interface Limits {
  requests: number | null;
  tokens: number | null;
}

export interface Quota {
  daily_limit: Limits;
  monthly_limit: Limits;
  usage_today: Limits;
  usage_this_month: Limits;
  remaining_today: Limits;
  remaining_this_month: Limits;
  day_ends_at: string;
  month_ends_at: string;
}

export interface ApiKey {
  id: string;
  name: string;
  prefix: string;
  created_at: string;
  expires_at: string | null;
  last_used_at: string | null;
}

/** The key itself is in the answer to its making only. */
export interface NewApiKey extends ApiKey {
  key: string;
}

export interface Conversation {
  id: string;
  title: string;
  model: string;
  message_count: number;
  is_archived: boolean;
  created_at: string;
  updated_at: string;
}

export interface ConversationSummary extends Conversation {
  last_message: { content: string; role: Role; created_at: string } | null;
}

export interface ConversationDetail extends Conversation {
  system_message: string;
  messages: Message[];
}

export type Role = 'user' | 'assistant' | 'system';

export interface Message {
  id: string;
  role: Role;
  content: string;
  /** Null: nobody knows. */
  tokens_used: number | null;
  created_at: string;
  status: string;
  model: string | null;
  turn_id: string | null;
  edited_at: string | null;
}

/** A count is null where nobody knows it. */
export interface Usage {
  prompt_tokens: number | null;
  completion_tokens: number | null;
  total_tokens: number | null;
  /** Who counted: the provider, or the platform. */
  source: string;
}

/** A question with its whole answer. */
export interface Exchange {
  user_message: Message;
  assistant_message: Message;
  usage: Usage;
  turn_id: string;
  stopped: boolean;
}

export type TurnStatus = 'running' | 'completed' | 'stopped' | 'failed' | 'interrupted';

export interface Turn {
  turn_id: string;
  /** Null, like the messages: of a completion that nobody keeps. */
  conversation_id: string | null;
  message_id: string | null;
  user_message_id: string | null;
  status: TurnStatus;
  model: string;
  created_at: string;
  ended_at: string | null;
  usage: Usage;
}

/** The first event of an answer. */
export interface StartEvent {
  type: 'start';
  turn_id: string;
  conversation_id: string;
  message_id: string;
  user_message_id: string | null;
  model: string;
}

export interface ContentEvent {
  type: 'content';
  content: string;
}

/** The last event of an answer that is complete, or was stopped. */
export interface EndEvent {
  type: 'end';
  turn_id: string;
  message_id: string;
  usage: Usage;
  finish_reason?: string;
  model?: string;
  stopped?: boolean;
}

export interface Model {
  id: string;
  name: string;
  description: string;
  max_tokens: number | null;
  context_window: number | null;
  cost_per_1k_tokens: { input: number | null; output: number | null };
  capabilities: string[];
  alias_of: string | null;
  provider: string;
}

export interface Health {
  status: string;
  timestamp: string;
  version: string;
  services: Record<string, string>;
  uptime: number;
}

export interface Info {
  name: string;
  version: string;
  environment: string;
  supported_models: string[];
  features: Record<string, boolean>;
}

export interface Document {
  id: string;
  filename: string;
  originalName: string;
  size: number;
  type: 'image' | 'document' | 'cad';
  mimeType: string;
  url: string;
  description: string;
  topicId: number | null;
  title: string;
  author: string;
  pages: number | null;
  writtenAt: string | null;
  status: 'waiting' | 'extracting' | 'embedding' | 'ready' | 'failed';
  progress: { done: number; total: number; percent: number };
  failure: { code: string; message: string } | null;
  uploadedAt: string;
  readyAt: string | null;
}

export interface Agent {
  id: string;
  name: string;
  description: string;
  category: string;
  provider: string;
  avatar: string;
  status: string;
  capabilities: string[];
  config: { model: string; temperature: number | null; maxTokens: number | null };
  createdAt: string;
  updatedAt: string;
}

export interface AgentStatus {
  id: string;
  name: string;
  status: string;
  provider: string;
  available: boolean;
  /** Milliseconds. */
  responseTime: number;
  checkedAt: string;
}

/** The pagination of LLMChat's lists. */
export interface LimitPage<T> {
  items: T[];
  pagination: { page: number; limit: number; total: number; totalPages: number };
}

/** The pagination of LYSS's lists. */
export interface SizedPage<T> {
  items: T[];
  pagination: { page: number; page_size: number; total: number; total_pages: number; has_next: boolean; has_prev: boolean };
}

export type ProviderType = 'openai' | 'anthropic' | 'ollama' | 'fastgpt' | 'dify' | 'coze' | 'custom' | 'local';

export interface Provider {
  id: number;
  name: string;
  provider_type: ProviderType;
  scope: 'personal' | 'organization';
  created_by: number | null;
  api_base_url: string;
  config: Record<string, unknown>;
  is_active: boolean;
  is_default: boolean;
  /** Null for those who may not change it. */
  has_key: boolean | null;
  key_last4: string | null;
  created_at: string;
  updated_at: string;
}

export interface Distribution {
  id: number;
  user_id: number;
  user: { id: number; username: string; email: string };
  distributed_by: number | null;
  distributor: { id: number; username: string; email: string } | null;
  distributed_at: string;
  is_active: boolean;
}

export interface Topic {
  id: number;
  name: string;
  description: string;
  user_id: number;
  for_everyone: boolean;
  created_at: string;
  updated_at: string;
}
