/** Completions, and what was said before. */

import { TurnStream, type AnyEvent, type LimitPage, type RequestOptions, type Turn } from '@chatplatform/client';

import type { At } from './at.js';

export interface Message {
  role: 'user' | 'assistant' | 'system';
  content: string;
}

export interface CompletionRequest {
  /** The last one is the user's. Those before it count in a new session. */
  messages: Message[];
  agentId?: string;
  /** A session that is continued; an unknown one is made. */
  sessionId?: string;
  config?: { temperature?: number; maxTokens?: number };
  stream?: boolean;
  /** The same key never makes a second turn. Without one the client makes one up. */
  idempotencyKey?: string;
}

export interface Completion {
  id: string;
  sessionId: string;
  turnId: string;
  message: { role: 'assistant'; content: string };
  model: string;
  /** A count is null where nobody knows it. */
  usage: { promptTokens: number | null; completionTokens: number | null; totalTokens: number | null };
  stopped: boolean;
  createdAt: string;
}

export interface StartEvent extends AnyEvent {
  type: 'start';
  sessionId: string;
  messageId: string;
  turnId: string;
  model: string;
}

export interface Chunk extends AnyEvent {
  type: 'text';
  content: string;
}

export interface EndEvent extends AnyEvent {
  type: 'end';
  sessionId: string;
  messageId: string;
  turnId: string;
  usage: Completion['usage'];
  stopped?: boolean;
}

export interface HistoryMessage extends Message {
  id: string;
  status: string;
  model: string | null;
  turnId: string | null;
  createdAt: string;
  updatedAt: string;
}

export interface Transcript {
  /** Without one a new session is made. */
  sessionId?: string;
  title?: string;
  agentId?: string;
  messages: Message[];
}

export interface SavedTranscript {
  sessionId: string;
  title: string;
  agentId: string | null;
  messageCount: number;
  createdAt: string;
  updatedAt: string;
}

export class Chat {
  constructor(private readonly at: At) {}

  /** Sends a message: the whole answer, or with `stream` its chunks as they are written. */
  completions(request: CompletionRequest & { stream: true }, options?: RequestOptions): Promise<ChatStream>;
  completions(request: CompletionRequest & { stream?: false }, options?: RequestOptions): Promise<Completion>;
  completions(request: CompletionRequest, options?: RequestOptions): Promise<ChatStream | Completion>;
  async completions(request: CompletionRequest, options: RequestOptions = {}): Promise<ChatStream | Completion> {
    const { idempotencyKey = crypto.randomUUID(), ...body } = request;
    const call = { ...this.at.call('POST', '/chat/completions'), body, idempotencyKey, ...options };
    if (request.stream) return new ChatStream(await TurnStream.send<StartEvent, Chunk, EndEvent>(this.at.http, call));
    return this.at.http.data<Completion>({ timeout: this.at.http.answerTimeout, ...call });
  }

  /** Newest first. `before` is a message's id. */
  history(sessionId: string, filter: { page?: number; limit?: number; before?: string } = {}): Promise<LimitPage<HistoryMessage>> {
    return this.at.get(`/chat/sessions/${encodeURIComponent(sessionId)}/history`, filter);
  }

  /** Stores a transcript whole, or nothing. Saving the same again changes nothing. */
  save(transcript: Transcript): Promise<SavedTranscript> {
    return this.at.post('/chat/sessions/save', transcript);
  }
}

/** An answer as it is written. A lost connection is made again, and the answer goes on where it was. */
export class ChatStream implements AsyncIterable<Chunk> {
  readonly #answer: TurnStream<StartEvent, Chunk, EndEvent>;

  constructor(answer: TurnStream<StartEvent, Chunk, EndEvent>) {
    this.#answer = answer;
  }

  /** Known as soon as the first chunk is. */
  get sessionId(): string | undefined {
    return this.#answer.start?.sessionId;
  }

  get messageId(): string | undefined {
    return this.#answer.start?.messageId;
  }

  get turnId(): string | undefined {
    return this.#answer.turnId;
  }

  /** The last event, as soon as the answer has ended. */
  get end(): EndEvent | undefined {
    return this.#answer.end;
  }

  /** The chunks, once. Leaving the loop ends only the reading. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Chunk> {
    for await (const event of this.#answer) if (event.type === 'text') yield event;
  }

  /** Ends the answer for everybody. What was written so far is kept. */
  stop(): Promise<Turn> {
    return this.#answer.stop();
  }
}
