/**
 * An answer as it is written, over any number of connections.
 *
 * The platform numbers a turn's events and keeps them, so a lost connection costs nothing: before the first event the same message
 * is sent again with the same Idempotency-Key, which attaches to the same turn; after it the turn's events are read on from the
 * last one that was seen. All of the platform's dialects with `data:` of JSON are understood here; they differ in what a piece of
 * text is called (`content`, `text`) and in how ids are written (`turn_id`, `turnId`).
 */

import { Answer, SIGNED_OUT, turnPath, type AnyContent, type AnyEvent } from './answer.js';
import { APIConnectionError, APIError, TurnFailed, errorDetails } from './errors.js';
import type { Call, Http, RequestOptions } from './http.js';
import { backoff, sleep, waitBeforeRetry } from './retrying.js';
import { readEvents, type ServerSentEvent } from './sse.js';
import type { ContentEvent, EndEvent, StartEvent } from './types.js';

export class TurnStream<
  Start extends AnyEvent = StartEvent,
  Content extends AnyContent = ContentEvent,
  End extends AnyEvent = EndEvent,
> extends Answer<Start, Content, End> {
  protected readonly events: AsyncGenerator<Start | Content | End>;
  #body: ReadableStream<Uint8Array> | undefined;
  readonly #call: Call;
  /** When the connection was lost, if nothing new was read since: milliseconds. */
  #lostAt: number | undefined;
  #attempt = 0;

  private constructor(http: Http, call: Call, body: ReadableStream<Uint8Array>, turnId?: string, after = 0) {
    super(http);
    this.#call = call;
    this.#body = body;
    this.turnId = turnId;
    this.lastEvent = after;
    this.events = this.#read();
  }

  /** Sends a message. Resolves when the answer begins; what is refused before that is thrown here. */
  static async send<S extends AnyEvent, C extends AnyContent, E extends AnyEvent>(
    http: Http,
    call: Call & { idempotencyKey: string },
  ): Promise<TurnStream<S, C, E>> {
    return new TurnStream<S, C, E>(http, call, await http.stream(call));
  }

  /** Reads a turn's events after number `after`: in its own dialect, or in that of `dialect`. */
  static async follow<S extends AnyEvent, C extends AnyContent, E extends AnyEvent>(
    http: Http,
    turnId: string,
    options: RequestOptions & { after?: number; dialect?: string } = {},
  ): Promise<TurnStream<S, C, E>> {
    const after = options.after ?? 0;
    const query = { contract: options.dialect };
    const call: Call = { method: 'GET', path: turnPath(turnId, '/events'), contract: 'chatgpt', query, signal: options.signal };
    return new TurnStream<S, C, E>(http, call, await http.stream({ ...call, lastEventId: after }), turnId, after);
  }

  async *#read(): AsyncGenerator<Start | Content | End> {
    for (;;) {
      let lost: unknown = new APIConnectionError('The stream ended before its last event.');
      try {
        for await (const received of readEvents(await this.#connection(), this.http.longestSilence)) {
          const event = this.#taken(received);
          if (event === undefined) continue;
          this.#lostAt = undefined;
          this.#attempt = 0;
          yield event;
          if (this.end) return;
        }
      } catch (error) {
        if (this.#call.signal?.aborted) throw this.#call.signal.reason;
        lost = error;
      }
      await this.#wait(lost);
    }
  }

  async #connection(): Promise<ReadableStream<Uint8Array>> {
    const body = this.#body;
    if (body) {
      this.#body = undefined;
      return body;
    }
    if (this.turnId === undefined) return this.http.streamOnce(this.#call);
    const query = { contract: this.#call.query && (this.#call.query as { contract?: string }).contract };
    return this.http.streamOnce({
      method: 'GET',
      path: turnPath(this.turnId, '/events'),
      contract: 'chatgpt',
      query,
      lastEventId: this.lastEvent,
      signal: this.#call.signal,
    });
  }

  /** The event, if it is a new one. */
  #taken(received: ServerSentEvent): Start | Content | End | undefined {
    const data = parsed(received.data);
    const number = received.numbered ? Number(received.id) : undefined;
    if (number !== undefined && !this.isNew(data.type, number)) return undefined;
    switch (data.type) {
      case 'start':
        this.start = data as unknown as Start;
        this.turnId ??= (data['turn_id'] ?? data['turnId']) as string | undefined;
        return this.start;
      case 'end':
        this.end = data as unknown as End;
        return this.end;
      case 'error':
        // Without a number it is not the turn's: the reader's session has ended, or the server could not read on.
        if (number === undefined) throw new Interrupted(errorDetails(data).message, data);
        throw new TurnFailed(errorDetails(data));
      default:
        return data as unknown as Content;
    }
  }

  /** Until the next try; throws what was the matter when there is none to be made. */
  async #wait(lost: unknown): Promise<void> {
    if (lost instanceof Interrupted) await this.#renewed(lost);
    const wait = lost instanceof Interrupted ? backoff(this.#attempt) : waitBeforeRetry(this.#repeatable(), lost, this.#attempt);
    this.#lostAt ??= Date.now();
    this.#attempt++;
    if (wait === undefined || Date.now() + wait * 1000 > this.#lostAt + this.http.patience) throw lost;
    await sleep(wait, this.#call.signal);
  }

  #repeatable(): { method: string; idempotencyKey?: string | undefined } {
    return this.turnId === undefined ? this.#call : { method: 'GET' };
  }

  async #renewed(lost: Interrupted): Promise<void> {
    if (!lost.signedOut) return;
    if (!(await this.http.renew().catch(() => true))) throw APIError.of(401, new Headers(), lost.said);
  }
}

/** The platform ended the stream, not the turn. */
class Interrupted extends APIConnectionError {
  readonly said: Record<string, unknown>;

  constructor(message: string, said: Record<string, unknown>) {
    super(message || 'The platform ended the stream.');
    this.said = said;
  }

  get signedOut(): boolean {
    return SIGNED_OUT.has(errorDetails(this.said).code);
  }
}

function parsed(data: string): Record<string, unknown> & AnyEvent {
  try {
    return JSON.parse(data) as Record<string, unknown> & AnyEvent;
  } catch (error) {
    throw new APIConnectionError('What arrived was no event.', { cause: error });
  }
}
