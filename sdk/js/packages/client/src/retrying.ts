/** When a request is sent again, and after how long. */

import { APIConnectionError, APIError } from './errors.js';

/** What decides whether a request may be sent twice. */
export interface Repeatable {
  method: string;
  /** One that the platform knows again: with the same key the same turn answers. */
  idempotencyKey?: string | undefined;
}

/** Seconds. What the platform wants waited for longer is the caller's to decide. */
export const LONGEST_WAIT = 60;
const FIRST_WAIT = 0.5;
const LONGEST_BACKOFF = 8;

/**
 * Seconds until the request may be sent again; undefined: it must not be, or it would not help.
 *
 * @param attempt how many tries have failed before this one
 */
export function waitBeforeRetry(request: Repeatable, failure: unknown, attempt: number): number | undefined {
  const repeatable = request.method !== 'POST' || request.idempotencyKey !== undefined;
  if (failure instanceof APIConnectionError) {
    return repeatable || failure.neverSent ? backoff(attempt) : undefined;
  }
  if (!(failure instanceof APIError) || !mayHelp(failure, repeatable)) return undefined;
  if (failure.turnId !== undefined) return undefined; // a turn's own ending: the same key would only tell it again
  const wait = failure.retryAfter ?? backoff(attempt);
  return wait <= LONGEST_WAIT ? wait : undefined;
}

function mayHelp(failure: APIError, repeatable: boolean): boolean {
  switch (failure.status) {
    case 429:
    case 503:
      return repeatable || failure.retryAfter !== undefined; // refused before anything was done
    case 408:
    case 504:
      return repeatable;
    case 502:
      // With a code it is the platform's word that the model's vendor failed; without, a proxy's about the platform.
      return repeatable && failure.code === '';
    default:
      return false;
  }
}

/** Twice as long each time, with a third of it left to chance, so that many clients do not come back at once. */
export function backoff(attempt: number, chance: number = Math.random()): number {
  return Math.min(LONGEST_BACKOFF, FIRST_WAIT * 2 ** attempt) * (1 - chance / 3);
}

/** Rejects with the signal's reason as soon as it is aborted. */
export function sleep(seconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const over = () => {
      clearTimeout(timer);
      reject(signal!.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', over);
      resolve();
    }, seconds * 1000);
    signal?.addEventListener('abort', over, { once: true });
  });
}
