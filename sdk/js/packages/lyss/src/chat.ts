/** Sending messages. */

import { TurnStream, type RequestOptions, type Turn } from '@chatplatform/client';

import type { At } from './at.js';
import { fromWire } from './names.js';
import type { ContentEvent, EndEvent, Reply, SendRequest, StartEvent } from './types.js';

type WireEvent = { type: string } & Record<string, unknown>;
type WireContent = WireEvent & { content: string };

export class Chat {
  constructor(private readonly at: At) {}

  /** Sends a message and waits for the whole answer. */
  sendMessage(request: SendRequest, options: RequestOptions = {}): Promise<Reply> {
    const { idempotencyKey = crypto.randomUUID(), ...body } = request;
    const more = { idempotencyKey, timeout: this.at.http.answerTimeout, ...options };
    return this.at.ask('POST', '/chat/messages', { body }, more);
  }

  /** Sends a message and reads the answer as it is written. Resolves when the answer begins. */
  async stream(request: SendRequest, options: RequestOptions = {}): Promise<ReplyStream> {
    const { idempotencyKey = crypto.randomUUID(), ...body } = request;
    const call = { ...this.at.call('POST', '/chat/stream', { body }), idempotencyKey, ...options };
    return new ReplyStream(await TurnStream.send<WireEvent, WireContent, WireEvent>(this.at.http, call));
  }
}

/** An answer as it is written. A lost connection is made again, and the answer goes on where it was. */
export class ReplyStream implements AsyncIterable<StartEvent | ContentEvent | EndEvent> {
  readonly #answer: TurnStream<WireEvent, WireContent, WireEvent>;

  constructor(answer: TurnStream<WireEvent, WireContent, WireEvent>) {
    this.#answer = answer;
  }

  get turnId(): string | undefined {
    return this.#answer.turnId;
  }

  /** The events, once. Leaving the loop ends only the reading. */
  async *[Symbol.asyncIterator](): AsyncGenerator<StartEvent | ContentEvent | EndEvent> {
    for await (const event of this.#answer) yield fromWire<StartEvent | ContentEvent | EndEvent>(event);
  }

  /** Ends the answer for everybody. What was written so far is kept. */
  stop(): Promise<Turn> {
    return this.#answer.stop();
  }
}
