/** Who answers: one's own providers, the organization's, and to whom those are handed out. */

import type { Http } from './http.js';
import type { Distribution, Provider, ProviderType, SizedPage } from './types.js';

const CONTRACT = 'lyss';

export interface NewProvider {
  name: string;
  provider_type: ProviderType;
  scope?: 'personal' | 'organization';
  api_key?: string;
  api_base_url?: string;
  config?: Record<string, unknown>;
}

export interface ProviderChange {
  name?: string;
  api_key?: string;
  api_base_url?: string;
  config?: Record<string, unknown>;
  is_active?: boolean;
  /** Ids of the providers to ask when it fails, in order. */
  fallbacks?: number[];
}

export interface ProviderFilter {
  page?: number;
  page_size?: number;
  scope?: 'personal' | 'organization';
  provider_type?: ProviderType;
  is_active?: boolean;
}

export class Providers {
  constructor(private readonly http: Http) {}

  create(provider: NewProvider): Promise<Provider> {
    return this.http.data({ method: 'POST', path: '/api/v1/providers', contract: CONTRACT, body: provider });
  }

  list(filter: ProviderFilter = {}): Promise<SizedPage<Provider>> {
    return this.http.data({ method: 'GET', path: '/api/v1/providers', contract: CONTRACT, query: filter });
  }

  /** Those that may be asked now, in the order in which they would be. */
  available(): Promise<Provider[]> {
    return this.http.data({ method: 'GET', path: '/api/v1/providers/available', contract: CONTRACT });
  }

  get(id: number): Promise<Provider> {
    return this.http.data({ method: 'GET', path: `/api/v1/providers/${id}`, contract: CONTRACT });
  }

  update(id: number, change: ProviderChange): Promise<Provider> {
    return this.http.data({ method: 'PUT', path: `/api/v1/providers/${id}`, contract: CONTRACT, body: change });
  }

  async delete(id: number): Promise<void> {
    await this.http.json({ method: 'DELETE', path: `/api/v1/providers/${id}`, contract: CONTRACT });
  }

  /** Who answers where nobody else is asked for; null: whoever is first. */
  async setDefault(id: number | null): Promise<void> {
    await this.http.json({ method: 'PUT', path: '/api/v1/providers/default', contract: CONTRACT, body: { provider_id: id } });
  }

  /** For administrators. */
  distribute(id: number, userIds: number[]): Promise<{ provider_id: number; distributed_to: number[]; distributed_at: string }> {
    const body = { user_ids: userIds };
    return this.http.data({ method: 'POST', path: `/api/v1/providers/${id}/distribute`, contract: CONTRACT, body });
  }

  /** For administrators. */
  async undistribute(id: number, userId: number): Promise<void> {
    await this.http.json({ method: 'DELETE', path: `/api/v1/providers/${id}/distribute/${userId}`, contract: CONTRACT });
  }

  /** For administrators. */
  distributions(id: number): Promise<Distribution[]> {
    return this.http.data({ method: 'GET', path: `/api/v1/providers/${id}/distributions`, contract: CONTRACT });
  }
}
