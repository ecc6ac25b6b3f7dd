/** What answers are made from and by: documents in topics, and agents. */

import type { Http, RequestOptions } from './http.js';
import { sleep } from './retrying.js';
import type { Agent, AgentStatus, Document, LimitPage, SizedPage, Topic } from './types.js';

const LLMCHAT = 'llmchat';
const CHAT_SYSTEM = 'chat-system';
const SECONDS_BETWEEN_LOOKS = 0.5;

export interface UploadOptions {
  /** The file's name, if it is no `File` that has one. */
  filename?: string;
  type?: 'image' | 'document' | 'cad';
  description?: string;
  topic_id?: number;
}

/** An upload's form. */
export function fileForm(file: Blob, { filename, ...more }: UploadOptions = {}): FormData {
  const form = new FormData();
  const name = filename ?? (file as Partial<File>).name;
  if (name === undefined) form.set('file', file);
  else form.set('file', file, name);
  for (const [key, value] of Object.entries(more)) if (value !== undefined) form.set(key, String(value));
  return form;
}

export class Documents {
  constructor(private readonly http: Http) {}

  /** Resolves when the file has arrived; `wait` tells when it has been read. */
  upload(file: Blob, options: UploadOptions & RequestOptions = {}): Promise<Document> {
    const { signal, timeout, ...more } = options;
    const body = fileForm(file, more);
    // The same content uploaded twice is one document, so it may be sent again.
    const idempotencyKey = crypto.randomUUID();
    return this.http.data({ method: 'POST', path: '/api/upload', contract: LLMCHAT, body, idempotencyKey, signal, timeout });
  }

  list(filter: { page?: number; limit?: number; topic_id?: number } = {}): Promise<LimitPage<Document>> {
    return this.http.data({ method: 'GET', path: '/api/upload', contract: LLMCHAT, query: filter });
  }

  get(id: string, options: RequestOptions = {}): Promise<Document> {
    return this.http.data({ method: 'GET', path: documentPath(id), contract: LLMCHAT, ...options });
  }

  async delete(id: string): Promise<void> {
    await this.http.json({ method: 'DELETE', path: documentPath(id), contract: LLMCHAT });
  }

  /** Resolves when the document is `ready` or `failed`. */
  async wait(id: string, options: { signal?: AbortSignal } = {}): Promise<Document> {
    for (;;) {
      const found = await this.get(id, options);
      if (found.status === 'ready' || found.status === 'failed') return found;
      await sleep(SECONDS_BETWEEN_LOOKS, options.signal);
    }
  }
}

export class Topics {
  constructor(private readonly http: Http) {}

  async list(filter: { page?: number; page_size?: number } = {}): Promise<SizedPage<Topic>> {
    const call = { method: 'GET', path: '/api/v1/topics', contract: CHAT_SYSTEM, query: filter } as const;
    const page = await this.http.data<{ topics: Topic[]; pagination: SizedPage<Topic>['pagination'] }>(call);
    return { items: page.topics, pagination: page.pagination };
  }

  create(topic: { name: string; description?: string }): Promise<Topic> {
    return this.http.data({ method: 'POST', path: '/api/v1/topics', contract: CHAT_SYSTEM, body: topic });
  }

  get(id: number): Promise<Topic> {
    return this.http.data({ method: 'GET', path: `/api/v1/topics/${id}`, contract: CHAT_SYSTEM });
  }

  update(id: number, change: { name?: string; description?: string }): Promise<Topic> {
    return this.http.data({ method: 'PUT', path: `/api/v1/topics/${id}`, contract: CHAT_SYSTEM, body: change });
  }

  async delete(id: number): Promise<void> {
    await this.http.json({ method: 'DELETE', path: `/api/v1/topics/${id}`, contract: CHAT_SYSTEM });
  }
}

export class Agents {
  constructor(private readonly http: Http) {}

  list(filter: { page?: number; limit?: number; category?: string; provider?: string } = {}): Promise<LimitPage<Agent>> {
    return this.http.data({ method: 'GET', path: '/api/agents', contract: LLMCHAT, query: filter });
  }

  get(id: string): Promise<Agent> {
    return this.http.data({ method: 'GET', path: `/api/agents/${encodeURIComponent(id)}`, contract: LLMCHAT });
  }

  /** The vendor is asked. */
  status(id: string): Promise<AgentStatus> {
    return this.http.data({ method: 'GET', path: `/api/agents/${encodeURIComponent(id)}/status`, contract: LLMCHAT });
  }
}

function documentPath(id: string): string {
  return `/api/upload/${encodeURIComponent(id)}`;
}
