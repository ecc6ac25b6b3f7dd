/**
 * One WebSocket for many answers at a time. It is opened with the first message, comes back by itself when it is lost, and goes on
 * with every answer where it was: by the turn's name and the number of the last event, or, when not even the first had arrived, by
 * sending the message again with the same `client_message_id`, which attaches to the same turn.
 */

import { Answer } from './answer.js';
import { APIConnectionError, APIError, ChatPlatformError, TurnFailed, errorDetails } from './errors.js';
import type { Http } from './http.js';
import { backoff, sleep, waitBeforeRetry } from './retrying.js';
import type { ContentEvent, EndEvent, StartEvent } from './types.js';
import { webSocketClass, type WebSocketClass, type WebSocketLike } from './websocket.js';

/** What a message may come with. */
export interface SendOptions {
  model?: string | undefined;
  temperature?: number | undefined;
  max_tokens?: number | undefined;
  /** The same key never makes a second turn. Without one the client makes one up. */
  idempotencyKey?: string | undefined;
}

type Event = StartEvent | ContentEvent | EndEvent;
type Frame = Record<string, unknown> & { type: string };

const EVENTS: Record<string, Event['type']> = { message_start: 'start', message_content: 'content', message_end: 'end' };
const SIGNED_OUT_CLOSE = 4401;

export class ChatSocket {
  readonly #http: Http;
  readonly #class: WebSocketClass | undefined;
  readonly #turns = new Set<SocketTurn>();
  #socket: WebSocketLike | undefined;
  #open = false;
  #closed = false;
  #heartbeat: ReturnType<typeof setInterval> | undefined;
  #heardAt = 0;
  /** When the connection was lost, if nothing was heard since: milliseconds. */
  #lostAt: number | undefined;
  #attempt = 0;
  /** The last error that was about the connection itself. */
  #said: Frame | undefined;

  constructor(http: Http, webSocket?: WebSocketClass) {
    this.#http = http;
    this.#class = webSocket;
  }

  /** Sends a message. What is refused is thrown where the answer is read. */
  send(conversationId: string, content: string, options: SendOptions = {}): SocketTurn {
    const { idempotencyKey = crypto.randomUUID(), ...more } = options;
    const message = { conversation_id: conversationId, content, client_message_id: idempotencyKey, ...more };
    return this.#begin(new SocketTurn(this.#http, { conversationId, idempotencyKey, message }));
  }

  /** Reads a turn's events after number `after`, whoever began it and wherever. */
  resume(turnId: string, options: { after?: number } = {}): SocketTurn {
    const turn = new SocketTurn(this.#http, undefined);
    turn.turnId = turnId;
    turn.lastEvent = options.after ?? 0;
    return this.#begin(turn);
  }

  /** Closes the connection. Answers that are being read end with an error here, and are written on by the platform. */
  close(): void {
    this.#closed = true;
    this.#disconnect();
    this.#fail(new ChatPlatformError('The socket was closed.'));
  }

  #begin(turn: SocketTurn): SocketTurn {
    if (this.#closed) throw new ChatPlatformError('The socket is closed.');
    this.#turns.add(turn);
    turn.onLeft = () => this.#turns.delete(turn);
    if (this.#open) this.#ask(turn);
    else if (this.#socket === undefined && this.#lostAt === undefined) this.#connect();
    return turn;
  }

  #ask(turn: SocketTurn): void {
    const asked =
      turn.turnId === undefined
        ? { type: 'chat_message', ...turn.sent?.message }
        : { type: 'resume', turn_id: turn.turnId, after: turn.lastEvent };
    this.#socket?.send(JSON.stringify(asked));
  }

  #connect(): void {
    this.#lostAt ??= Date.now(); // until something is heard
    const found = this.#class ? Promise.resolve(this.#class) : webSocketClass();
    found.then(
      (Socket) => {
        if (!this.#closed) this.#listen(new Socket(this.#address()));
      },
      (error: unknown) => this.#fail(error),
    );
  }

  #address(): string {
    const token = encodeURIComponent(this.#http.token ?? '');
    return `${this.#http.root.replace(/^http/, 'ws')}/api/v1/ws/chat?token=${token}`;
  }

  #listen(socket: WebSocketLike): void {
    this.#socket = socket;
    this.#heardAt = Date.now();
    this.#heartbeat = setInterval(() => this.#beat(), this.#http.longestSilence / 3);
    socket.onopen = () => {
      if (this.#socket !== socket) return;
      this.#open = true;
      for (const turn of this.#turns) this.#ask(turn);
    };
    socket.onmessage = ({ data }) => {
      if (this.#socket === socket) this.#heard(JSON.parse(String(data)) as Frame);
    };
    socket.onclose = ({ code }) => {
      if (this.#socket === socket) void this.#lost(code);
    };
    socket.onerror = () => undefined; // its close follows
  }

  #beat(): void {
    if (Date.now() - this.#heardAt > this.#http.longestSilence) void this.#lost(0);
    else if (this.#open) this.#socket?.send('{"type":"ping"}');
  }

  #disconnect(): void {
    const socket = this.#socket;
    clearInterval(this.#heartbeat);
    this.#socket = undefined;
    this.#open = false;
    socket?.close();
  }

  async #lost(code: number): Promise<void> {
    this.#disconnect();
    this.#lostAt ??= Date.now();
    try {
      if (this.#turns.size > 0) await this.#untilNextTry(code);
    } catch (error) {
      this.#fail(error);
    }
    if (this.#turns.size > 0 && !this.#closed) this.#connect();
    else this.#lostAt = undefined;
  }

  async #untilNextTry(code: number): Promise<void> {
    if (code === SIGNED_OUT_CLOSE && !(await this.#http.renew().catch(() => true))) {
      throw refusal(this.#said ?? { type: 'error', error: { code: 'AUTHENTICATION_ERROR' } });
    }
    const wait = backoff(this.#attempt++);
    if (Date.now() + wait * 1000 > this.#lostAt! + this.#http.patience) {
      throw new APIConnectionError(this.#said ? errorDetails(this.#said).message : 'The socket was lost.');
    }
    await sleep(wait);
  }

  #heard(frame: Frame): void {
    this.#heardAt = Date.now();
    if (frame.type !== 'error' || frame['n'] !== undefined) {
      this.#lostAt = undefined;
      this.#attempt = 0;
    }
    const kind = EVENTS[frame.type];
    const meant = [...this.#turns].filter((turn) => turn.isMeant(frame));
    if (kind !== undefined) for (const turn of meant) turn.take({ ...frame, type: kind } as unknown as Event & { n: number });
    if (frame.type === 'error') {
      if (meant.length === 0) this.#said = frame;
      for (const turn of meant) {
        if (frame['n'] !== undefined) turn.finish(new TurnFailed(errorDetails(frame)));
        else void this.#refused(turn, refusal(frame));
      }
    }
    for (const turn of meant) if (turn.isOver) this.#turns.delete(turn);
  }

  async #refused(turn: SocketTurn, error: APIError): Promise<void> {
    const sent = { method: 'POST', idempotencyKey: turn.sent?.idempotencyKey ?? turn.turnId };
    const wait = turn.refusals < this.#http.maxRetries ? waitBeforeRetry(sent, error, turn.refusals++) : undefined;
    if (wait === undefined) {
      turn.finish(error);
      this.#turns.delete(turn);
      return;
    }
    await sleep(wait);
    if (this.#open && this.#turns.has(turn)) this.#ask(turn); // else it is asked for when the socket is back
  }

  #fail(error: unknown): void {
    for (const turn of this.#turns) turn.finish(error);
    this.#turns.clear();
  }
}

/** The error that the same refusal is over HTTP. */
function refusal(frame: Frame): APIError {
  const { code, details } = errorDetails(frame);
  const wait = (details as { retry_after?: number } | undefined)?.retry_after;
  return APIError.of(STATUSES[code] ?? 500, new Headers(wait === undefined ? {} : { 'Retry-After': String(wait) }), frame);
}

const STATUSES: Record<string, number> = {
  AUTHENTICATION_ERROR: 401,
  AUTHORIZATION_ERROR: 403,
  RESOURCE_NOT_FOUND: 404,
  CONFLICT: 409,
  CONVERSATION_BUSY: 409,
  CONTEXT_TOO_LONG: 422,
  VALIDATION_ERROR: 422,
  QUOTA_EXCEEDED: 429,
  RATE_LIMIT_EXCEEDED: 429,
  OPENAI_API_ERROR: 502,
  DATABASE_ERROR: 503,
  SERVICE_UNAVAILABLE: 503,
};

/** One answer that comes over a socket. */
export class SocketTurn extends Answer {
  /** What was sent; undefined for a turn that somebody else began. */
  readonly sent: { conversationId: string; idempotencyKey: string; message: object } | undefined;
  /** Called when nobody reads it any more. */
  onLeft: () => void = () => undefined;
  isOver = false;
  /** How often it was refused by now. */
  refusals = 0;
  protected readonly events: AsyncGenerator<Event>;
  readonly #waiting: Event[] = [];
  #failure: unknown;
  #wake: () => void = () => undefined;

  constructor(http: Http, sent: SocketTurn['sent']) {
    super(http);
    this.sent = sent;
    this.events = this.#read();
  }

  /** Whether a frame is about this turn. */
  isMeant(frame: Frame): boolean {
    if (this.turnId !== undefined) return frame['turn_id'] === this.turnId;
    if (frame['client_message_id'] !== undefined) return frame['client_message_id'] === this.sent?.idempotencyKey;
    // One answer at a time in a conversation: what begins there now is this one's.
    return frame.type === 'message_start' && frame['conversation_id'] === this.sent?.conversationId;
  }

  take(event: Event & { n: number }): void {
    if (this.isOver || !this.isNew(event.type, event.n)) return;
    if (event.type === 'start') {
      this.start = event;
      this.turnId = event.turn_id;
    }
    if (event.type === 'end') {
      this.end = event;
      this.isOver = true;
    }
    this.#waiting.push(event);
    this.#wake();
  }

  finish(failure: unknown): void {
    if (this.isOver) return;
    this.#failure = failure;
    this.isOver = true;
    this.#wake();
  }

  async *#read(): AsyncGenerator<Event> {
    try {
      for (;;) {
        const event = this.#waiting.shift();
        if (event !== undefined) yield event;
        else if (this.#failure !== undefined) throw this.#failure;
        else if (this.isOver) return;
        else await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.onLeft();
    }
  }
}
