/** An answer that is being written, however it reaches us. */

import { ChatPlatformError } from './errors.js';
import type { Http } from './http.js';
import type { ContentEvent, EndEvent, StartEvent, Turn } from './types.js';

/** What all dialects' events have. */
export interface AnyEvent {
  type: string;
}

export type AnyContent = AnyEvent & { content: string };

/** A whole answer. */
export interface Finished<Start extends AnyEvent = StartEvent, End extends AnyEvent = EndEvent> {
  text: string;
  start: Start;
  end: End;
}

export abstract class Answer<
  Start extends AnyEvent = StartEvent,
  Content extends AnyContent = ContentEvent,
  End extends AnyEvent = EndEvent,
> implements AsyncIterable<Start | Content | End>
{
  /** The turn's first event, as soon as it has been read. */
  start: Start | undefined;
  /** The turn's last event, as soon as it has been read. */
  end: End | undefined;
  /** The number of the last event that was read. */
  lastEvent = 0;
  /** The turn's public name, as soon as its first event has been read. */
  turnId: string | undefined;
  protected readonly http: Http;
  protected abstract readonly events: AsyncGenerator<Start | Content | End>;

  constructor(http: Http) {
    this.http = http;
  }

  /** The events, once. Leaving the loop ends only the reading: the platform goes on writing the answer. */
  [Symbol.asyncIterator](): AsyncGenerator<Start | Content | End> {
    return this.events;
  }

  /** The answer's text, piece by piece. */
  async *text(): AsyncGenerator<string> {
    for await (const event of this.events) {
      if (isContent(event)) yield event.content;
    }
  }

  /** Reads to the end. `text` is what had not been read before. */
  async final(): Promise<Finished<Start, End>> {
    let text = '';
    for await (const piece of this.text()) text += piece;
    if (!this.start || !this.end) throw new ChatPlatformError('A part of this answer was read elsewhere.');
    return { text, start: this.start, end: this.end };
  }

  /** Ends the turn for everybody. What was written so far is kept, and the last event says `stopped`. */
  async stop(): Promise<Turn> {
    if (this.turnId === undefined) throw new ChatPlatformError('The turn has no name yet: read its first event.');
    return stopTurn(this.http, this.turnId);
  }

  /** Takes the number of an event that has just arrived. False: it was seen before. */
  protected isNew(type: string, number: number): boolean {
    // An ending counts whatever its number: when the process that wrote the answer died, what it had not stored yet is gone, and
    // the ending that the platform gives to such a turn may be numbered like a piece that was read.
    if (number <= this.lastEvent) return type === 'end' || type === 'error';
    this.lastEvent = number;
    return true;
  }
}

export function stopTurn(http: Http, turnId: string): Promise<Turn> {
  // Stopping twice changes nothing, so it may be tried again as often as it takes: the key is for `waitBeforeRetry` only.
  return http.data<Turn>({ method: 'POST', path: turnPath(turnId, '/stop'), contract: 'chatgpt', idempotencyKey: turnId });
}

export function turnPath(turnId: string, more = ''): string {
  return `/api/v1/turns/${encodeURIComponent(turnId)}${more}`;
}

/** What the contracts call somebody who is not signed in any more. */
export const SIGNED_OUT: ReadonlySet<string> = new Set([
  'AUTHENTICATION_ERROR',
  'AUTHENTICATION_FAILED',
  'UNAUTHORIZED',
  'TOKEN_EXPIRED',
]);

function isContent<E extends AnyEvent>(event: E): event is E & AnyContent {
  return event.type === 'content' || event.type === 'text';
}
