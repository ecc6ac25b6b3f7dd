/** Requests to this interface, at the base that its client was given, in this client's names. */

import type { Call, Http } from '@chatplatform/client';

import { fromWire, toWire } from './names.js';

export class At {
  constructor(
    readonly http: Http,
    readonly base: string,
  ) {}

  async ask<T>(method: Call['method'], path: string, sent: { query?: object; body?: unknown } = {}, more: Partial<Call> = {}): Promise<T> {
    return fromWire<T>(await this.http.data({ ...this.call(method, path, sent), ...more }));
  }

  call(method: Call['method'], path: string, { query, body }: { query?: object; body?: unknown } = {}): Call {
    return { method, path: this.base + path, contract: 'lyss', query: toWire(query) as object | undefined, body: toWire(body) };
  }
}
