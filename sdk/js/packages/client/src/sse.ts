/** Server-sent events, read from the body of an answer. */

import { APIConnectionError, APITimeoutError } from './errors.js';

export interface ServerSentEvent {
  /** As the stream's last `id:` line has it; empty before the first. */
  id: string;
  /** Whether this very event had an `id:` line. */
  numbered: boolean;
  data: string;
}

/**
 * The events of a body until its end. Leaving the loop closes the connection.
 *
 * @param longestSilence milliseconds without a byte after which the connection counts as lost (comments are bytes, too)
 * @throws APIConnectionError when the connection breaks
 */
export async function* readEvents(body: ReadableStream<Uint8Array>, longestSilence: number): AsyncGenerator<ServerSentEvent> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const parser = new EventParser();
  try {
    for (;;) {
      const { done, value } = await within(reader.read(), longestSilence);
      if (done) return;
      yield* parser.feed(decoder.decode(value, { stream: true }));
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

/** Takes text in any pieces and gives whole events. */
export class EventParser {
  #rest = '';
  #data: string[] = [];
  #id = '';
  #numbered = false;

  *feed(text: string): Generator<ServerSentEvent> {
    this.#rest += text;
    // A carriage return at the very end may be half of a line's end.
    const lines = this.#rest.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop()!;
    for (const line of lines) {
      if (line !== '') this.#field(line);
      else if (this.#data.length > 0) yield this.#event();
      else this.#numbered = false;
    }
  }

  #field(line: string): void {
    const colon = line.indexOf(':');
    if (colon === 0) return; // a comment
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'data') this.#data.push(value);
    if (name === 'id') {
      this.#id = value;
      this.#numbered = true;
    }
  }

  #event(): ServerSentEvent {
    const event = { id: this.#id, numbered: this.#numbered, data: this.#data.join('\n') };
    this.#data = [];
    this.#numbered = false;
    return event;
  }
}

async function within<T>(work: Promise<T>, milliseconds: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new APITimeoutError('The connection fell silent.')), milliseconds);
  });
  try {
    return await Promise.race([work, silence]);
  } catch (error) {
    throw isOurs(error) ? error : new APIConnectionError('The connection was lost.', { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** What is no lost connection: the caller's own abort, or what is explained already. */
function isOurs(error: unknown): boolean {
  return error instanceof APIConnectionError || (error instanceof Error && error.name === 'AbortError');
}
