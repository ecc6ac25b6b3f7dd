/** Conversations, the messages in them, and the turns that answer those. */

import { stopTurn, turnPath } from './answer.js';
import type { SendOptions } from './chat-socket.js';
import type { Call, Http, RequestOptions } from './http.js';
import { TurnStream } from './turn-stream.js';
import type {
  ContentEvent,
  Conversation,
  ConversationDetail,
  ConversationSummary,
  EndEvent,
  Exchange,
  Message,
  Page,
  Pagination,
  StartEvent,
  Turn,
} from './types.js';

const CONTRACT = 'chatgpt';

export interface ConversationFilter {
  page?: number;
  /** At most 100. */
  size?: number;
  archived?: boolean;
  search?: string;
}

export class Conversations {
  constructor(private readonly http: Http) {}

  create(conversation: { title?: string; model?: string; system_message?: string } = {}): Promise<Conversation> {
    return this.http.data({ method: 'POST', path: '/api/v1/conversations', contract: CONTRACT, body: conversation });
  }

  /** One page, newest activity first. */
  async list(filter: ConversationFilter = {}, options: RequestOptions = {}): Promise<Page<ConversationSummary>> {
    const call: Call = { method: 'GET', path: '/api/v1/conversations', contract: CONTRACT, query: filter, ...options };
    const page = await this.http.data<{ conversations: ConversationSummary[]; pagination: Pagination }>(call);
    return { items: page.conversations, pagination: page.pagination };
  }

  /** All of them, page by page as they are read. */
  async *iterate(filter: Omit<ConversationFilter, 'page'> = {}): AsyncGenerator<ConversationSummary> {
    yield* allPages((page) => this.list({ size: 100, ...filter, page }));
  }

  get(id: string, options: RequestOptions = {}): Promise<ConversationDetail> {
    return this.http.data({ method: 'GET', path: conversationPath(id), contract: CONTRACT, ...options });
  }

  update(id: string, change: { title?: string; is_archived?: boolean }): Promise<Conversation> {
    return this.http.data({ method: 'PUT', path: conversationPath(id), contract: CONTRACT, body: change });
  }

  /** At once and for good. */
  async delete(id: string): Promise<void> {
    await this.http.json({ method: 'DELETE', path: conversationPath(id), contract: CONTRACT });
  }

  archive(id: string): Promise<Conversation> {
    return this.update(id, { is_archived: true });
  }

  unarchive(id: string): Promise<Conversation> {
    return this.update(id, { is_archived: false });
  }
}

export class Messages {
  constructor(private readonly http: Http) {}

  /** One page, newest first unless `order` says otherwise. */
  async list(
    conversationId: string,
    filter: { page?: number; size?: number; order?: 'asc' | 'desc' } = {},
    options: RequestOptions = {},
  ): Promise<Page<Message>> {
    const path = conversationPath(conversationId, '/messages');
    const call: Call = { method: 'GET', path, contract: CONTRACT, query: filter, ...options };
    const page = await this.http.data<{ messages: Message[]; pagination: Pagination }>(call);
    return { items: page.messages, pagination: page.pagination };
  }

  /** All of them, oldest first, page by page as they are read. */
  async *iterate(conversationId: string): AsyncGenerator<Message> {
    yield* allPages((page) => this.list(conversationId, { page, size: 100, order: 'asc' }));
  }

  /** Sends a message and waits for the whole answer. */
  send(conversationId: string, content: string, options: SendOptions & RequestOptions = {}): Promise<Exchange> {
    const call = sending(conversationPath(conversationId, '/messages'), content, options);
    return this.http.data({ timeout: this.http.answerTimeout, ...call });
  }

  /** Sends a message and reads the answer as it is written. Resolves when the answer begins. */
  stream(conversationId: string, content: string, options: SendOptions & RequestOptions = {}): Promise<TurnStream> {
    const call = sending(conversationPath(conversationId, '/messages/stream'), content, options);
    return TurnStream.send<StartEvent, ContentEvent, EndEvent>(this.http, call);
  }

  /** What later turns send is the new text. */
  edit(id: string, content: string): Promise<Message> {
    return this.http.data({ method: 'PUT', path: messagePath(id), contract: CONTRACT, body: { content } });
  }

  async delete(id: string): Promise<void> {
    await this.http.json({ method: 'DELETE', path: messagePath(id), contract: CONTRACT });
  }
}

export class Turns {
  constructor(private readonly http: Http) {}

  get(id: string, options: RequestOptions = {}): Promise<Turn> {
    return this.http.data({ method: 'GET', path: turnPath(id), contract: CONTRACT, ...options });
  }

  /** A turn's events after number `after`, whoever began it, through whichever of the interfaces. */
  follow(id: string, options: RequestOptions & { after?: number } = {}): Promise<TurnStream> {
    const dialect = 'chatgpt_backend';
    return TurnStream.follow<StartEvent, ContentEvent, EndEvent>(this.http, id, { ...options, dialect });
  }

  /** What was written so far is kept. */
  stop(id: string): Promise<Turn> {
    return stopTurn(this.http, id);
  }
}

function sending(path: string, content: string, options: SendOptions & RequestOptions): Call & { idempotencyKey: string } {
  const { idempotencyKey = crypto.randomUUID(), signal, timeout, ...more } = options;
  const call = { method: 'POST', path, contract: CONTRACT, body: { content, ...more }, idempotencyKey, signal } as const;
  return timeout === undefined ? call : { ...call, timeout };
}

async function* allPages<T>(read: (page: number) => Promise<Page<T>>): AsyncGenerator<T> {
  for (let number = 1; ; number++) {
    const page = await read(number);
    yield* page.items;
    if (number >= page.pagination.pages) return;
  }
}

function conversationPath(id: string, more = ''): string {
  return `/api/v1/conversations/${encodeURIComponent(id)}${more}`;
}

function messagePath(id: string): string {
  return `/api/v1/messages/${encodeURIComponent(id)}`;
}
