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

  /** Makes an account. Sign in with `login`. */
  register(account: { email: string; password: string; name: string }): Promise<{ user: Account }> {
    return this.at.post('/auth/register', account);
  }

  /** From then on this client asks as that person, and renews its token by itself. */
  async login(credentials: { email: string; password: string }): Promise<Session> {
    const session = await this.at.post<Session>('/auth/login', credentials);
    this.at.http.keep({ token: session.token, refreshToken: session.refreshToken });
    return session;
  }

  /** False: sign in again. */
  refresh(): Promise<boolean> {
    return this.at.http.renew();
  }

  async logout(): Promise<void> {
    await this.at.post('/auth/logout', undefined);
    this.at.http.keep({ token: undefined, refreshToken: undefined });
  }
}
