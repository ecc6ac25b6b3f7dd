/** Signing in and out; oneself, one's quota, one's API keys. */

import type { Http, RequestOptions } from './http.js';
import type { ApiKey, NewApiKey, Quota, SignedIn, User } from './types.js';

const CONTRACT = 'chatgpt';

export class Auth {
  constructor(private readonly http: Http) {}

  /** Makes an account. From then on this client asks as that person. */
  register(account: { username: string; email: string; password: string; display_name?: string }): Promise<SignedIn> {
    return this.#signIn('/api/v1/auth/register', { confirm_password: account.password, ...account });
  }

  /** `username` may be the e-mail address. From then on this client asks as that person. */
  login(credentials: { username: string; password: string }): Promise<SignedIn> {
    return this.#signIn('/api/v1/auth/login', credentials);
  }

  /** Gets another access token. (It is done without being asked, too, when the old one has run out.) False: sign in again. */
  refresh(): Promise<boolean> {
    return this.http.renew();
  }

  /** Ends the session everywhere. */
  async logout(): Promise<void> {
    await this.http.json({ method: 'POST', path: '/api/v1/auth/logout', contract: CONTRACT });
    this.http.keep({ token: undefined, refreshToken: undefined });
  }

  /** Has a mail sent, if there is such an account. */
  async forgotPassword(email: string): Promise<void> {
    await this.http.json({ method: 'POST', path: '/api/v1/auth/forgot-password', contract: CONTRACT, body: { email } });
  }

  /** `token` is that of the mail. */
  async resetPassword(reset: { token: string; new_password: string }): Promise<void> {
    const body = { ...reset, confirm_password: reset.new_password };
    await this.http.json({ method: 'POST', path: '/api/v1/auth/reset-password', contract: CONTRACT, body });
  }

  async #signIn(path: string, body: object): Promise<SignedIn> {
    const session = await this.http.data<SignedIn>({ method: 'POST', path, contract: CONTRACT, body });
    this.http.keep({ token: session.access_token, refreshToken: session.refresh_token });
    return session;
  }
}

export class Me {
  constructor(private readonly http: Http) {}

  get(options: RequestOptions = {}): Promise<User & { quota: Record<string, number | null> }> {
    return this.http.data({ method: 'GET', path: '/api/v1/users/me', contract: CONTRACT, ...options });
  }

  /** What is not named stays. */
  update(change: { username?: string; email?: string; display_name?: string }): Promise<User> {
    return this.http.data({ method: 'PUT', path: '/api/v1/users/me', contract: CONTRACT, body: change });
  }

  /** Ends all other sessions. */
  async changePassword(change: { current_password: string; new_password: string }): Promise<void> {
    const body = { ...change, confirm_password: change.new_password };
    await this.http.json({ method: 'POST', path: '/api/v1/users/me/change-password', contract: CONTRACT, body });
  }

  quota(options: RequestOptions = {}): Promise<Quota> {
    return this.http.data({ method: 'GET', path: '/api/v1/users/me/quota', contract: CONTRACT, ...options });
  }
}

export class ApiKeys {
  constructor(private readonly http: Http) {}

  async list(options: RequestOptions = {}): Promise<ApiKey[]> {
    const call = { method: 'GET', path: '/api/v1/users/me/api-keys', contract: CONTRACT, ...options } as const;
    return (await this.http.data<{ api_keys: ApiKey[] }>(call)).api_keys;
  }

  /** The key itself is in this answer only. */
  create(key: { name: string; expires_at?: string }): Promise<NewApiKey> {
    return this.http.data({ method: 'POST', path: '/api/v1/users/me/api-keys', contract: CONTRACT, body: key });
  }

  async delete(id: string): Promise<void> {
    await this.http.json({ method: 'DELETE', path: `/api/v1/users/me/api-keys/${encodeURIComponent(id)}`, contract: CONTRACT });
  }
}
