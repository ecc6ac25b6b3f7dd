/** Requests to this interface, at the base that its client was given. */

import type { Call, Http } from '@chatplatform/client';

export class At {
  constructor(
    readonly http: Http,
    readonly base: string,
  ) {}

  get<T>(path: string, query: object = {}): Promise<T> {
    return this.http.data<T>({ ...this.call('GET', path), query });
  }

  post<T>(path: string, body: unknown, more: Partial<Call> = {}): Promise<T> {
    return this.http.data<T>({ ...this.call('POST', path), body, ...more });
  }

  put<T>(path: string, body: unknown): Promise<T> {
    return this.http.data<T>({ ...this.call('PUT', path), body });
  }

  async delete(path: string): Promise<void> {
    await this.http.data({ ...this.call('DELETE', path) });
  }

  call(method: Call['method'], path: string): Call {
    return { method, path: this.base + path, contract: 'llmchat' };
  }
}
