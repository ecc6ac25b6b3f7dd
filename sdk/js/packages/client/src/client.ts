/** The platform's own client: one object, with a part for each thing that the platform knows. */

import { ApiKeys, Auth, Me } from './accounts.js';
import { ChatSocket } from './chat-socket.js';
import { Conversations, Messages, Turns } from './conversations.js';
import { Http, type ConnectionOptions, type RequestOptions } from './http.js';
import { Agents, Documents, Topics } from './library.js';
import { Providers } from './providers.js';
import type { Health, Info, Model } from './types.js';
import type { WebSocketClass } from './websocket.js';

export interface ClientOptions extends ConnectionOptions {
  /** Instead of the one that there is. */
  WebSocket?: WebSocketClass | undefined;
}

export class Client {
  readonly auth: Auth;
  readonly me: Me;
  readonly apiKeys: ApiKeys;
  readonly conversations: Conversations;
  readonly messages: Messages;
  readonly turns: Turns;
  readonly documents: Documents;
  readonly topics: Topics;
  readonly agents: Agents;
  readonly providers: Providers;
  readonly system: System;
  readonly #http: Http;
  readonly #webSocket: WebSocketClass | undefined;

  constructor(options: ClientOptions) {
    const http = new Http(options);
    this.#http = http;
    this.#webSocket = options.WebSocket;
    this.auth = new Auth(http);
    this.me = new Me(http);
    this.apiKeys = new ApiKeys(http);
    this.conversations = new Conversations(http);
    this.messages = new Messages(http);
    this.turns = new Turns(http);
    this.documents = new Documents(http);
    this.topics = new Topics(http);
    this.agents = new Agents(http);
    this.providers = new Providers(http);
    this.system = new System(http);
  }

  /** The access token or API key that is being used. */
  get token(): string | undefined {
    return this.#http.token;
  }

  get refreshToken(): string | undefined {
    return this.#http.refreshToken;
  }

  /** For many answers over one connection. It opens with the first message; `close` it when there is nothing more to say. */
  socket(): ChatSocket {
    return new ChatSocket(this.#http, this.#webSocket);
  }
}

export class System {
  constructor(private readonly http: Http) {}

  health(options: RequestOptions = {}): Promise<Health> {
    return this.http.json({ method: 'GET', path: '/api/v1/health', contract: 'chatgpt', ...options });
  }

  info(): Promise<Info> {
    return this.http.json({ method: 'GET', path: '/api/v1/info', contract: 'chatgpt' });
  }

  async models(): Promise<Model[]> {
    const call = { method: 'GET', path: '/api/v1/models', contract: 'chatgpt' } as const;
    return (await this.http.data<{ models: Model[] }>(call)).models;
  }
}
