/** How requests are sent, repeated and refused. No platform is needed. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  APIConnectionError,
  APITimeoutError,
  AuthenticationError,
  Client,
  ConflictError,
  NotFoundError,
  RateLimitError,
  ServerError,
  TurnFailed,
  ValidationError,
  splitBase,
} from '@chatplatform/client';
import { scripted } from './helpers.mjs';

const BUSY = { status: 503, headers: { 'retry-after': '0' }, body: { error: { code: 'SERVICE_UNAVAILABLE', message: 'Later.' } } };
const OK = { status: 200, body: { data: { id: '1' } } };

async function with_(answers, work, options = {}) {
  const server = await scripted(...answers);
  try {
    await work(new Client({ baseURL: server.url, token: 'a-token', ...options }), server.asked);
  } finally {
    server.close();
  }
}

test('a read is repeated until the platform has recovered', async () => {
  await with_([BUSY, 'reset', OK], async (client, asked) => {
    assert.deepEqual(await client.conversations.get('1'), { id: '1' });
    assert.equal(asked.length, 3);
    assert.equal(asked[0].headers.authorization, 'Bearer a-token');
    assert.match(asked[0].headers.accept, /application\/vnd\.chatgpt\.v1\+json/);
  });
});

test('a send is repeated with the same idempotency key', async () => {
  await with_(['reset', BUSY, OK], async (client, asked) => {
    await client.messages.send('1', 'Hello');
    const keys = new Set(asked.map(({ headers }) => headers['idempotency-key']));
    assert.equal(asked.length, 3);
    assert.equal(keys.size, 1);
    assert.match([...keys][0], /^[0-9a-f-]{36}$/);
  });
});

test('two sends have two idempotency keys', async () => {
  await with_([OK, OK], async (client, asked) => {
    await client.messages.send('1', 'Hello');
    await client.messages.send('1', 'Hello');
    assert.notEqual(asked[0].headers['idempotency-key'], asked[1].headers['idempotency-key']);
  });
});

test('what makes a thing is not repeated when nobody knows whether it was made', async () => {
  await with_(['reset', OK], async (client, asked) => {
    await assert.rejects(client.conversations.create({ title: 'Once' }), APIConnectionError);
    assert.equal(asked.length, 1);
  });
});

test('what makes a thing is repeated when the platform says that it did nothing', async () => {
  await with_([BUSY, OK], async (client, asked) => {
    await client.conversations.create({ title: 'Once' });
    assert.equal(asked.length, 2);
  });
});

test('a wait that is too long is the caller’s to decide', async () => {
  const tomorrow = { status: 429, headers: { 'retry-after': '40000' }, body: { error: { code: 'QUOTA_EXCEEDED', message: 'Used up.' } } };
  await with_([tomorrow, OK], async (client, asked) => {
    const refused = await client.messages.send('1', 'Hello').catch((error) => error);
    assert.ok(refused instanceof RateLimitError);
    assert.equal(refused.code, 'QUOTA_EXCEEDED');
    assert.equal(refused.retryAfter, 40000);
    assert.equal(asked.length, 1);
  });
});

test('a turn that failed is not asked for again, since its key would only tell its ending', async () => {
  const failed = { status: 503, headers: { 'retry-after': '0' }, body: { error: { code: 'X', message: '', details: { turn_id: 't1' } } } };
  await with_([failed, OK], async (client, asked) => {
    const refused = await client.messages.send('1', 'Hello').catch((error) => error);
    assert.ok(refused instanceof ServerError);
    assert.equal(refused.turnId, 't1');
    assert.equal(asked.length, 1);
  });
});

test('a deletion whose answer was lost and that finds nothing the second time has succeeded', async () => {
  const gone = { status: 404, body: { error: { code: 'RESOURCE_NOT_FOUND', message: 'No.' } } };
  await with_(['reset', gone], async (client) => client.conversations.delete('1'));
  await with_([gone], async (client) => assert.rejects(client.conversations.delete('1'), NotFoundError));
});

test('a token that has run out is renewed once for all requests', async () => {
  const outdated = { status: 401, body: { error: { code: 'AUTHENTICATION_ERROR', message: 'No.' } } };
  const renewed = { status: 200, body: { data: { access_token: 'new', refresh_token: 'newer' } } };
  const kept = [];
  const options = { refreshToken: 'old', onTokens: (tokens) => kept.push(tokens) };
  await with_(
    [outdated, renewed, OK, OK],
    async (client, asked) => {
      await client.conversations.get('1');
      await client.conversations.get('1');
      assert.deepEqual(asked.map(({ url }) => url), [
        '/api/v1/conversations/1',
        '/api/v1/auth/refresh',
        '/api/v1/conversations/1',
        '/api/v1/conversations/1',
      ]);
      assert.equal(asked[1].body, '{"refresh_token":"old"}');
      assert.equal(asked[3].headers.authorization, 'Bearer new');
      assert.deepEqual(kept, [{ token: 'new', refreshToken: 'newer' }]);
    },
    options,
  );
});

test('without a refresh token a bad one is an error', async () => {
  const outdated = { status: 401, headers: { 'x-request-id': 'req_1' }, body: { code: 'UNAUTHORIZED', message: 'No.' } };
  await with_([outdated], async (client) => {
    const refused = await client.me.get().catch((error) => error);
    assert.ok(refused instanceof AuthenticationError);
    assert.deepEqual([refused.code, refused.message, refused.requestId], ['UNAUTHORIZED', 'No.', 'req_1']);
  });
});

test('errors of every dialect are read', async () => {
  const lyss = { error: { code: 'VALIDATION_ERROR', message: 'Wrong.', details: { field: 'title', reason: 'Too long.' } } };
  const busy = { error: { code: 'CONVERSATION_BUSY', message: 'Busy.', details: { turn_id: 't1' } } };
  const answers = [
    { status: 400, body: lyss },
    { status: 409, body: busy },
    { status: 409, body: { code: 'CONFLICT', message: 'Busy.', error: { type: 'ConflictError', details: 'Busy.', turnId: 't2' } } },
    { status: 400, body: { detail: 'No message.' } },
    { status: 418, text: '<html>' },
  ];
  await with_(answers, async (client) => {
    const wrong = await client.me.get().catch((error) => error);
    assert.ok(wrong instanceof ValidationError);
    assert.deepEqual(wrong.details, { field: 'title', reason: 'Too long.' });
    const conflict = await client.me.get().catch((error) => error);
    assert.ok(conflict instanceof ConflictError);
    assert.equal(conflict.turnId, 't1');
    const other = await client.me.get().catch((error) => error);
    assert.deepEqual([other.code, other.turnId], ['CONFLICT', 't2']);
    assert.equal((await client.me.get().catch((error) => error)).message, 'No message.');
    assert.equal((await client.me.get().catch((error) => error)).body, '<html>');
  });
});

test('an answer that does not come in time is a timeout, and the caller’s own abort is her own', async () => {
  const hanging = (_, { signal }) =>
    new Promise((_resolve, reject) => {
      if (signal.aborted) reject(signal.reason);
      signal.addEventListener('abort', () => reject(signal.reason));
    });
  const client = new Client({ baseURL: 'http://127.0.0.1:1', timeout: 20, maxRetries: 0, fetch: hanging });
  await assert.rejects(client.me.get(), APITimeoutError);
  const leaving = AbortSignal.abort(new Error('changed my mind'));
  await assert.rejects(client.me.get({ signal: leaving, timeout: 60_000 }), /changed my mind/);
});

test('an ending counts whatever its number, and a piece counts once', async () => {
  const event = (id, data) => `id: ${id}\ndata: ${JSON.stringify(data)}\n\n`;
  const piece = (id) => event(id, { type: 'content', content: `${id} ` });
  const begun = event(1, { type: 'start', turn_id: 't1' }) + piece(2) + piece(3) + piece(4);
  const ended = event(3, { type: 'end', turn_id: 't1', usage: {} });
  const died = event(3, { type: 'error', error: { code: 'SERVICE_UNAVAILABLE', message: 'Interrupted.' }, turn_id: 't1' });
  for (const ending of [ended, died]) {
    const answers = [begun, ': nothing new\n\n', piece(3) + piece(4) + ending].map((text) => ({ status: 200, text }));
    await with_(answers, async (client, asked) => {
      const stream = await client.messages.stream('1', 'Hello');
      let text = '';
      const read = async () => {
        for await (const found of stream) if (found.type === 'content') text += found.content;
      };
      if (ending === ended) await read();
      else await assert.rejects(read(), (error) => error instanceof TurnFailed && error.turnId === 't1');
      assert.equal(text, '2 3 4 ');
      assert.deepEqual(asked.map(({ url }) => url.split('?')[0]), ['/api/v1/conversations/1/messages/stream', ...Array(2).fill('/api/v1/turns/t1/events')]);
      assert.equal(asked[1].headers['last-event-id'], '4');
    });
  }
});

test('a redirect is not followed: it would carry the token elsewhere', async () => {
  await with_([{ status: 307, headers: { location: 'http://127.0.0.1:9/' }, body: {} }], async (client, asked) => {
    await assert.rejects(client.conversations.get('1'), (error) => error.status === 307);
    assert.equal(asked.length, 1);
  });
});

test('a wrong password is tried once, whatever token there is', async () => {
  const wrong = { status: 401, body: { error: { code: 'AUTHENTICATION_ERROR', message: 'Wrong.' } } };
  const work = async (client, asked) => {
    await assert.rejects(client.auth.login({ username: 'alice', password: 'wrong' }), AuthenticationError);
    assert.equal(asked.length, 1);
  };
  await with_([wrong], work, { refreshToken: 'a-refresh-token' });
});

test('a base URL is the platform’s root, whichever interface it names', () => {
  assert.deepEqual(splitBase('http://127.0.0.1:8000'), { root: 'http://127.0.0.1:8000', base: undefined });
  assert.deepEqual(splitBase('http://127.0.0.1:8000/'), { root: 'http://127.0.0.1:8000', base: undefined });
  assert.deepEqual(splitBase('http://localhost:3001/api'), { root: 'http://localhost:3001', base: '/api' });
  assert.deepEqual(splitBase('https://a.example/chat/api/v1/'), { root: 'https://a.example/chat', base: '/api/v1' });
  assert.deepEqual(splitBase('http://a.example/lyss/api/v1'), { root: 'http://a.example', base: '/lyss/api/v1' });
});
