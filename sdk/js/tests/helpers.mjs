/** People, a way to the platform that can be cut, and a server that says what it is told to. */

import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer } from 'node:net';

import { Client } from '@chatplatform/client';

export const PLATFORM = process.env.CHATPLATFORM_URL ?? '';
export const PASSWORD = 'password123';

/** A new person, signed in. */
export async function somebody(name = 'alice', options = {}) {
  const username = `${name}-${crypto.randomUUID().slice(0, 8)}`;
  const client = new Client({ baseURL: PLATFORM, ...options });
  await client.auth.register({ username, email: `${username}@example.com`, password: PASSWORD });
  return { client, username, email: `${username}@example.com` };
}

/** Passes bytes on to the platform. `limits`: after how many bytes of the platform's each connection to come is cut. */
export class CuttableWay {
  limits = [];
  connections = 0;
  refuses = false;
  #open = new Set();
  #server;

  async open(target = PLATFORM) {
    const { hostname, port } = new URL(target);
    this.#server = createServer((near) => {
      this.connections++;
      if (this.refuses) {
        near.resetAndDestroy();
        return;
      }
      const far = connect(Number(port), hostname);
      let left = this.limits.shift() ?? Infinity;
      for (const [one, other] of [[near, far], [far, near]]) {
        this.#open.add(one);
        one.on('error', () => undefined);
        one.on('close', () => {
          this.#open.delete(one);
          other.destroy();
        });
      }
      near.pipe(far);
      far.on('data', (bytes) => {
        near.write(bytes.subarray(0, Math.max(0, left)));
        left -= bytes.length;
        if (left <= 0) near.destroySoon();
      });
    }).listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  get url() {
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  cut() {
    for (const one of this.#open) one.destroy();
  }

  close() {
    this.#server.close();
    this.cut();
  }
}

/** A server that answers each request with the next of `answers` and keeps what it was asked. */
export async function scripted(...answers) {
  const asked = [];
  const server = createHttpServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    asked.push({ method: request.method, url: request.url, headers: request.headers, body });
    const answer = answers.shift() ?? { status: 500 };
    if (answer === 'reset') {
      request.socket.resetAndDestroy();
      return;
    }
    response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
    response.end(answer.text ?? JSON.stringify(answer.body ?? { data: null }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${server.address().port}`, asked, close };
}
