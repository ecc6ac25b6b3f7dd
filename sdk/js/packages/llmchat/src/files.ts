/** Uploads, and what is drawn in a drawing. */

import { fileForm, type Document, type LimitPage } from '@chatplatform/client';

import type { At } from './at.js';

export type File = Document;

export interface Point {
  x: number;
  y: number;
  z?: number;
}

export interface Drawing {
  /** What else there is depends on the type. */
  entities: ({ type: string; layer: string } & Record<string, unknown>)[];
  layers: { name: string; color: number; visible: boolean }[];
  /** null where nothing is drawn. */
  bounds: { minX: number; minY: number; maxX: number; maxY: number } | null;
}

export class Files {
  constructor(private readonly at: At) {}

  /** At most 10 MB. */
  upload(file: Blob, options: { filename?: string; type?: 'image' | 'document' | 'cad'; description?: string } = {}): Promise<File> {
    // The same content uploaded twice is one file, so it may be sent again.
    return this.at.post('/upload', fileForm(file, options), { idempotencyKey: crypto.randomUUID() });
  }

  list(filter: { page?: number; limit?: number } = {}): Promise<LimitPage<File>> {
    return this.at.get('/upload', filter);
  }

  get(id: string): Promise<File> {
    return this.at.get(`/upload/${encodeURIComponent(id)}`);
  }

  delete(id: string): Promise<void> {
    return this.at.delete(`/upload/${encodeURIComponent(id)}`);
  }
}

export class Cad {
  constructor(private readonly at: At) {}

  /** DXF or DWG. Nothing is kept. */
  parse(file: Blob, options: { filename?: string } = {}): Promise<Drawing> {
    return this.at.post('/cad/parse', fileForm(file, options), { idempotencyKey: crypto.randomUUID() });
  }
}
