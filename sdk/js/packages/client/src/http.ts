/** Requests: credentials, retries, errors as exceptions. Everything else in this package asks through here. */

import { APIConnectionError, APIError, APITimeoutError, NotFoundError } from './errors.js';
import { sleep, waitBeforeRetry } from './retrying.js';

export type Fetch = typeof fetch;

export interface ConnectionOptions {
  /** Where the platform is: `http://127.0.0.1:8000`. A path of its interfaces at the end (`/api`, `/api/v1`) may be there. */
  baseURL: string;
  /** An access token or an API key. */
  token?: string | undefined;
  /** With it an access token that has run out is renewed, once for all requests that need it. */
  refreshToken?: string | undefined;
  /** Of the messages that people read: `en`, `zh-CN`. Without it, the platform's own. */
  language?: string | undefined;
  /** Milliseconds for an ordinary answer; 60,000. */
  timeout?: number | undefined;
  /** Milliseconds for an answer of a model in one piece; 600,000. */
  answerTimeout?: number | undefined;
  /** How often a request is sent again; 3. */
  maxRetries?: number | undefined;
  /** Milliseconds for which a lost stream or socket is tried again before it is given up; 60,000. */
  patience?: number | undefined;
  /** Milliseconds without a sign of life after which a stream or socket counts as lost; 45,000. */
  longestSilence?: number | undefined;
  fetch?: Fetch | undefined;
  /** Told whenever there are other tokens than before: to keep them. None: they are worth nothing any more. */
  onTokens?: ((tokens: Tokens) => void) | undefined;
}

export interface Tokens {
  token: string | undefined;
  refreshToken: string | undefined;
}

export interface Call {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** From the platform's root: `/api/v1/conversations`. */
  path: string;
  /** Which of the platform's dialects is spoken: the name in `Accept: application/vnd.<name>.v1+json`. */
  contract: string;
  query?: object | undefined;
  /** Sent as JSON, or as a form when it is one. */
  body?: unknown;
  idempotencyKey?: string | undefined;
  lastEventId?: number | undefined;
  /** Milliseconds until the answer is there (a stream's: until it begins). */
  timeout?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** What a caller may say of any one request. */
export interface RequestOptions {
  signal?: AbortSignal | undefined;
  timeout?: number | undefined;
}

/** What is refused there is the name, the password or the token that was given, which no other token makes right. */
const SIGNING_IN = /\/auth\/(login|register|refresh)$/;
const KNOWN_BASES = /^(.*?)(\/lyss\/api\/v1|\/api\/v1|\/api)?\/*$/;

/** `https://host/somewhere/api/v1` → the platform's root `https://host/somewhere` and the base `/api/v1`, which may be missing. */
export function splitBase(baseURL: string): { root: string; base: string | undefined } {
  const [, root, base] = KNOWN_BASES.exec(baseURL)!;
  return { root: root!.replace(/\/+$/, ''), base };
}

export class Http {
  readonly root: string;
  readonly patience: number;
  readonly longestSilence: number;
  readonly answerTimeout: number;
  #tokens: Tokens;
  readonly #onTokens: ((tokens: Tokens) => void) | undefined;
  readonly #language: string | undefined;
  readonly #timeout: number;
  readonly maxRetries: number;
  readonly #fetch: Fetch;
  #renewing: Promise<boolean> | undefined;

  constructor(options: ConnectionOptions) {
    // In a browser `/` is the page's own host.
    const page = (globalThis as { location?: { href: string } }).location?.href;
    this.root = splitBase(new URL(options.baseURL, page).href).root;
    this.#tokens = { token: options.token, refreshToken: options.refreshToken };
    this.#onTokens = options.onTokens;
    this.#language = options.language;
    this.#timeout = options.timeout ?? 60_000;
    this.answerTimeout = options.answerTimeout ?? 600_000;
    this.maxRetries = options.maxRetries ?? 3;
    this.patience = options.patience ?? 60_000;
    this.longestSilence = options.longestSilence ?? 45_000;
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init));
  }

  get token(): string | undefined {
    return this.#tokens.token;
  }

  get refreshToken(): string | undefined {
    return this.#tokens.refreshToken;
  }

  keep(tokens: Tokens): void {
    this.#tokens = tokens;
    this.#onTokens?.(tokens);
  }

  /** The `data` of the answer's envelope. */
  async data<T>(call: Call): Promise<T> {
    return (await this.json<{ data: T }>(call)).data;
  }

  /** The whole answer. */
  json<T>(call: Call): Promise<T> {
    return this.#retried(call, (response) => response.json() as Promise<T>);
  }

  /** An answer that is read as it comes. Resolves when it begins. */
  async stream(call: Call): Promise<ReadableStream<Uint8Array>> {
    return this.#retried(call, async (response) => response.body!);
  }

  /** The same, tried once: whoever resumes a stream has a patience of its own. */
  async streamOnce(call: Call): Promise<ReadableStream<Uint8Array>> {
    return this.#renewed(call, async (response) => response.body!);
  }

  /** Gets another access token with the refresh token. False: there is none, or it is worth nothing any more. */
  renew(): Promise<boolean> {
    this.#renewing ??= this.#askForToken().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async #retried<T>(call: Call, read: (response: Response) => Promise<T>): Promise<T> {
    let lost = false;
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#renewed(call, read);
      } catch (failure) {
        // What was deleted by a request whose answer was lost is not there the second time.
        if (lost && call.method === 'DELETE' && failure instanceof NotFoundError) return { data: null } as T;
        lost ||= failure instanceof APIConnectionError;
        const wait = attempt < this.maxRetries ? waitBeforeRetry(call, failure, attempt) : undefined;
        if (wait === undefined) throw failure;
        await sleep(wait, call.signal);
      }
    }
  }

  async #renewed<T>(call: Call, read: (response: Response) => Promise<T>): Promise<T> {
    const used = this.token;
    try {
      return await this.#once(call, read);
    } catch (failure) {
      const outdated = failure instanceof APIError && failure.status === 401 && !SIGNING_IN.test(call.path);
      // Another request may have renewed it meanwhile.
      if (!outdated || !((this.token !== used && this.token !== undefined) || (await this.renew()))) throw failure;
      return this.#once(call, read);
    }
  }

  async #askForToken(): Promise<boolean> {
    if (this.refreshToken === undefined) return false;
    const call: Call = { method: 'POST', path: '/api/v1/auth/refresh', contract: 'chatgpt', body: { refresh_token: this.refreshToken } };
    try {
      const answer = await this.#once(call, (response) => response.json());
      this.keep({ token: answer.data.access_token, refreshToken: answer.data.refresh_token });
      return true;
    } catch (failure) {
      if (!(failure instanceof APIError)) throw failure;
      return false;
    }
  }

  async #once<T>(call: Call, read: (response: Response) => Promise<T>): Promise<T> {
    const timer = new AbortController();
    const running = setTimeout(() => timer.abort(), call.timeout ?? this.#timeout);
    const signal = call.signal ? AbortSignal.any([timer.signal, call.signal]) : timer.signal;
    try {
      // A redirect would carry what is sent elsewhere, and the platform sends none.
      const response = await this.#fetch(this.#url(call), { ...this.#message(call), redirect: 'manual', signal });
      if (!response.ok) throw APIError.of(response.status, response.headers, await bodyOf(response));
      return await read(response);
    } catch (error) {
      if (error instanceof APIError) throw error;
      if (call.signal?.aborted) throw call.signal.reason;
      if (timer.signal.aborted) throw new APITimeoutError('The platform did not answer in time.', { cause: error });
      throw new APIConnectionError('The platform could not be reached.', { cause: error });
    } finally {
      clearTimeout(running);
    }
  }

  #url(call: Call): string {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined && value !== null) query.set(name, String(value));
    }
    return this.root + call.path + (query.size > 0 ? `?${query}` : '');
  }

  #message(call: Call): RequestInit {
    const headers = new Headers({ Accept: `application/vnd.${call.contract}.v1+json, application/json, text/event-stream` });
    if (this.token !== undefined) headers.set('Authorization', `Bearer ${this.token}`);
    if (this.#language !== undefined) headers.set('Accept-Language', this.#language);
    if (call.idempotencyKey !== undefined) headers.set('Idempotency-Key', call.idempotencyKey);
    if (call.lastEventId !== undefined) headers.set('Last-Event-ID', String(call.lastEventId));
    if (call.body === undefined) return { method: call.method, headers };
    if (call.body instanceof FormData) return { method: call.method, headers, body: call.body };
    headers.set('Content-Type', 'application/json');
    return { method: call.method, headers, body: JSON.stringify(call.body) };
  }
}

async function bodyOf(response: Response): Promise<unknown> {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
