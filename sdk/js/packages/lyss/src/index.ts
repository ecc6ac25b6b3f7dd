/** The LYSS interface, over the platform's own client. Names are in camel case here; what is the user's own (`config`, a
 * conversation's `metadata`) goes through as it is. */

import { Http, splitBase, type ConnectionOptions } from '@chatplatform/client';

import { At } from './at.js';
import { Chat } from './chat.js';
import type {
  Conversation,
  ConversationDetail,
  ConversationItem,
  Distribution,
  NewProvider,
  Page,
  Provider,
  ProviderChange,
  Session,
  User,
} from './types.js';

export { ReplyStream } from './chat.js';
export type * from './types.js';
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


export interface LyssOptions extends Omit<ConnectionOptions, 'token'> {
  /** `http://localhost:8000/api/v1`. */
  baseURL: string;
  /** An access token or an API key. */
  apiKey?: string | undefined;
}

export class LyssClient {
  readonly auth: Auth;
  readonly providers: Providers;
  readonly chat: Chat;
  readonly conversations: Conversations;

  constructor({ apiKey, ...options }: LyssOptions) {
    const at = new At(new Http({ ...options, token: apiKey }), splitBase(options.baseURL).base ?? '/lyss/api/v1');
    this.auth = new Auth(at);
    this.providers = new Providers(at);
    this.chat = new Chat(at);
    this.conversations = new Conversations(at);
  }
}

export class Auth {
  constructor(private readonly at: At) {}

  /** From then on this client asks as that person. */
  register(account: { username: string; email: string; password: string }): Promise<Session> {
    return this.#signIn('/auth/register', { confirmPassword: account.password, ...account });
  }

  /** `username` may be the e-mail address. From then on this client asks as that person. */
  login(credentials: { username: string; password: string }): Promise<Session> {
    return this.#signIn('/auth/login', credentials);
  }

  me(): Promise<User> {
    return this.at.ask('GET', '/auth/me');
  }

  /** False: sign in again. */
  refresh(): Promise<boolean> {
    return this.at.http.renew();
  }

  async logout(): Promise<void> {
    await this.at.ask('POST', '/auth/logout');
    this.at.http.keep({ token: undefined, refreshToken: undefined });
  }

  async #signIn(path: string, body: object): Promise<Session> {
    const session = await this.at.ask<Session>('POST', path, { body });
    this.at.http.keep({ token: session.accessToken, refreshToken: session.refreshToken });
    return session;
  }
}

export class Providers {
  constructor(private readonly at: At) {}

  create(provider: NewProvider): Promise<Provider> {
    return this.at.ask('POST', '/providers', { body: provider });
  }

  list(
    filter: { page?: number; pageSize?: number; scope?: string; providerType?: string; isActive?: boolean } = {},
  ): Promise<Page<Provider>> {
    return this.at.ask('GET', '/providers', { query: filter });
  }

  /** Those that may be asked now, in the order in which they would be. */
  available(): Promise<Provider[]> {
    return this.at.ask('GET', '/providers/available');
  }

  get(id: number): Promise<Provider> {
    return this.at.ask('GET', `/providers/${id}`);
  }

  /** What is not named stays, but for the key: another address without a key clears it. */
  update(id: number, change: ProviderChange): Promise<Provider> {
    return this.at.ask('PUT', `/providers/${id}`, { body: change });
  }

  async delete(id: number): Promise<void> {
    await this.at.ask('DELETE', `/providers/${id}`);
  }

  /** For administrators. */
  distribute(id: number, userIds: number[]): Promise<{ providerId: number; distributedTo: number[]; distributedAt: string }> {
    return this.at.ask('POST', `/providers/${id}/distribute`, { body: { userIds } });
  }

  /** For administrators. */
  async undistribute(id: number, userId: number): Promise<void> {
    await this.at.ask('DELETE', `/providers/${id}/distribute/${userId}`);
  }

  /** For administrators. */
  distributions(id: number): Promise<Distribution[]> {
    return this.at.ask('GET', `/providers/${id}/distributions`);
  }
}

export class Conversations {
  constructor(private readonly at: At) {}

  create(conversation: { title?: string; providerId?: number; metadata?: Record<string, unknown> } = {}): Promise<Conversation> {
    return this.at.ask('POST', '/conversations', { body: conversation });
  }

  /** Newest activity first. */
  list(
    filter: { page?: number; pageSize?: number; providerId?: number; search?: string } = {},
  ): Promise<Page<ConversationItem>> {
    return this.at.ask('GET', '/conversations', { query: filter });
  }

  get(id: number): Promise<ConversationDetail> {
    return this.at.ask('GET', `/conversations/${id}`);
  }

  update(id: number, change: { title?: string; metadata?: Record<string, unknown> }): Promise<Conversation> {
    return this.at.ask('PUT', `/conversations/${id}`, { body: change });
  }

  /** At once and for good. */
  async delete(id: number): Promise<void> {
    await this.at.ask('DELETE', `/conversations/${id}`);
  }
}
