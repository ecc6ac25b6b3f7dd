/** The LLMChat interface, over the platform's own client. */

import { Http, splitBase, type Agent, type AgentStatus, type ConnectionOptions, type LimitPage } from '@chatplatform/client';

import { Auth } from './auth.js';
import { Chat } from './chat.js';
import { Cad, Files } from './files.js';
import { At } from './at.js';

export type { Account, Session } from './auth.js';
export { ChatStream } from './chat.js';
export type { Chunk, Completion, CompletionRequest, EndEvent, HistoryMessage, Message, SavedTranscript, Transcript } from './chat.js';
export type { Drawing, File, Point } from './files.js';
export {
  APIConnectionError,
  APIError,
  APITimeoutError,
  AuthenticationError,
  ChatPlatformError,
  ConflictError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
  ServerError,
  TurnFailed,
  ValidationError,
} from '@chatplatform/client';

export interface LLMChatOptions extends ConnectionOptions {
  /** `http://localhost:3001/api`, or with its version `…/api/v1`. */
  baseURL: string;
}

export class LLMChatClient {
  readonly auth: Auth;
  readonly chat: Chat;
  readonly agents: Agents;
  readonly files: Files;
  readonly cad: Cad;
  readonly #at: At;

  constructor(options: LLMChatOptions) {
    const at = new At(new Http(options), splitBase(options.baseURL).base ?? '/api');
    this.#at = at;
    this.auth = new Auth(at);
    this.chat = new Chat(at);
    this.agents = new Agents(at);
    this.files = new Files(at);
    this.cad = new Cad(at);
  }

  get token(): string | undefined {
    return this.#at.http.token;
  }

  health(): Promise<{ status: string; timestamp: string; services: Record<string, string>; version: string }> {
    return this.#at.http.json({ method: 'GET', path: '/health', contract: 'llmchat' });
  }
}

/** What may be changed of an agent; what is not named stays. For administrators. */
export interface AgentChange {
  name?: string;
  description?: string;
  category?: string;
  avatar?: string;
  status?: string;
  capabilities?: string[];
  systemPrompt?: string;
  config?: { model?: string; temperature?: number | null; maxTokens?: number | null };
}

export class Agents {
  constructor(private readonly at: At) {}

  list(filter: { page?: number; limit?: number; category?: string; provider?: string } = {}): Promise<LimitPage<Agent>> {
    return this.at.get('/agents', filter);
  }

  get(id: string): Promise<Agent> {
    return this.at.get(`/agents/${encodeURIComponent(id)}`);
  }

  update(id: string, change: AgentChange): Promise<Agent> {
    return this.at.put(`/agents/${encodeURIComponent(id)}`, change);
  }

  /** The vendor is asked. */
  status(id: string): Promise<AgentStatus> {
    return this.at.get(`/agents/${encodeURIComponent(id)}/status`);
  }

  /** Reads the operators' file again. For administrators. */
  reload(): Promise<{ agents: number; providers: number; changes: string[] }> {
    return this.at.post('/agents/reload', undefined);
  }
}
