/** Signing in by e-mail address. */

import type { At } from './at.js';

export interface Account {
  id: string;
  email: string;
  name?: string;
  role?: string;
  createdAt?: string;
}

export interface Session {
  token: string;
  refreshToken: string;
  /** Seconds that the token lasts. */
  expiresIn: number;
  user: Account;
}

export class Auth {
  constructor(private readonly at: At) {}

  /** Makes an account. From then on this client asks as that person, and renews its token by itself. */
  register(account: { email: string; password: string; name?: string }): Promise<Session> {
    return this.#signIn('/auth/register', account);
  }

  /** From then on this client asks as that person, and renews its token by itself. */
  login(credentials: { email: string; password: string }): Promise<Session> {
    return this.#signIn('/auth/login', credentials);
  }

  /** False: sign in again. */
  refresh(): Promise<boolean> {
    return this.at.http.renew();
  }

  async logout(): Promise<void> {
    await this.at.post('/auth/logout', undefined);
    this.at.http.keep({ token: undefined, refreshToken: undefined });
  }

  async #signIn(path: string, body: object): Promise<Session> {
    const session = await this.at.post<Session>(path, body);
    this.at.http.keep({ token: session.token, refreshToken: session.refreshToken });
    return session;
  }
}
