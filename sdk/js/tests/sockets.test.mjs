/** Answers over one socket, which comes back by itself. Asks the real platform. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, before, test } from 'node:test';

import { APIConnectionError, AuthenticationError, ChatPlatformError, Client, ConflictError, NotFoundError, TurnFailed } from '@chatplatform/client';
import { NodeWebSocket } from '../packages/client/dist/node-websocket.js';
import { CuttableWay, PLATFORM, somebody } from './helpers.mjs';

let alice;
let way;

before(async () => {
  alice = (await somebody('alice')).client;
  way = await new CuttableWay().open();
});

after(() => way.close());

/** A socket that is closed at the end of its test, whatever that is. */
function closedAfter(t, socket) {
  t.after(() => socket.close());
  return socket;
}

/** A socket of Alice's, with Node.js 20's means wherever the tests run. */
function socketThroughTheWay(t, options = {}) {
  return closedAfter(t, new Client({ baseURL: way.url, token: alice.token, WebSocket: NodeWebSocket, ...options }).socket());
}

async function conversation(title = 'Socket') {
  return (await alice.conversations.create({ title })).id;
}

async function said(id) {
  return (await alice.messages.list(id, { order: 'asc' })).items.map(({ content }) => content);
}

test('several conversations are answered at a time', async (t) => {
  const socket = closedAfter(t, alice.socket());
  const ids = await Promise.all([1, 2, 3].map(() => conversation()));
  const answers = ids.map((id, at) => socket.send(id, `Question ${at}`, { model: 'ok-15-rate-30' }));
  const finished = await Promise.all(answers.map((answer) => answer.final()));
  for (const [at, { text, start, end }] of finished.entries()) {
    assert.equal(start.conversation_id, ids[at]);
    assert.equal(end.type, 'end');
    assert.deepEqual(await said(ids[at]), [`Question ${at}`, text]);
  }
});

test('a socket that is cut again and again loses nothing', async (t) => {
  const ids = [await conversation(), await conversation()];
  const connections = way.connections;
  way.limits = [300, 900, 1200, 1500, 4000];
  const socket = socketThroughTheWay(t);
  const finished = await Promise.all(ids.map((id) => socket.send(id, 'Tell me', { model: 'ok-60-rate-20' }).final()));
  assert.ok(way.connections >= connections + 6, 'it was cut');
  for (const [at, { text }] of finished.entries()) assert.deepEqual(await said(ids[at]), ['Tell me', text]);
});

test('a message that was sent over a socket that died is one turn all the same', async (t) => {
  const id = await conversation();
  way.limits = [200]; // the handshake's answer, and nothing after it
  const socket = socketThroughTheWay(t);
  const { text } = await socket.send(id, 'Only once', { model: 'ok-15-rate-30' }).final();
  assert.deepEqual(await said(id), ['Only once', text]);
});

test('a turn that was begun elsewhere is read over the socket, from any event', async (t) => {
  const id = await conversation();
  const stream = await alice.messages.stream(id, 'Tell me', { model: 'ok-40-rate-20' });
  for await (const event of stream) if (event.type === 'content') break;
  const socket = closedAfter(t, alice.socket());
  const again = socket.resume(stream.turnId);
  const whole = await again.final();
  const rest = [];
  for await (const event of socket.resume(stream.turnId, { after: again.lastEvent - 2 })) rest.push(event.type);
  assert.deepEqual(await said(id), ['Tell me', whole.text]);
  assert.deepEqual(rest, ['content', 'end']);
});

test('a stop ends the answer, and what there is of it is kept', async (t) => {
  const id = await conversation();
  const socket = closedAfter(t, alice.socket());
  const answer = socket.send(id, 'Tell me', { model: 'ok-200-rate-20' });
  let text = '';
  for await (const event of answer) {
    if (event.type !== 'content') continue;
    if (text === '') await answer.stop();
    text += event.content;
  }
  assert.equal(answer.end.stopped, true);
  assert.deepEqual(await said(id), ['Tell me', text]);
});

test('what is refused is thrown to whom it concerns, and the others go on', async (t) => {
  const id = await conversation();
  const socket = closedAfter(t, alice.socket());
  const good = socket.send(id, 'Tell me', { model: 'ok-15-rate-30' });
  const nowhere = socket.send(crypto.randomUUID(), 'Tell me');
  const unknown = socket.resume(crypto.randomUUID());
  await assert.rejects(nowhere.final(), NotFoundError);
  await assert.rejects(unknown.final(), NotFoundError);
  assert.equal((await good.final()).end.type, 'end');
  const failing = socket.send(id, 'Tell me', { model: 'cut-after-5' });
  await assert.rejects(failing.final(), (error) => error instanceof TurnFailed && error.code === 'OPENAI_API_ERROR');
});

test('a second message where an answer is being written is refused, and the answer goes on', async (t) => {
  const id = await conversation();
  const socket = closedAfter(t, alice.socket());
  const first = socket.send(id, 'Tell me', { model: 'ok-40-rate-20' });
  for await (const event of first) if (event.type === 'start') break;
  await assert.rejects(socket.send(id, 'And me').final(), (error) => error instanceof ConflictError && error.turnId === first.turnId);
  const { end } = await socket.resume(first.turnId).final();
  assert.equal(end.usage.completion_tokens, 40);
});

test('nobody without a session gets a socket, and a renewed one does', async (t) => {
  const socket = closedAfter(t, new Client({ baseURL: PLATFORM, token: 'nonsense' }).socket());
  await assert.rejects(socket.send(await conversation(), 'Tell me').final(), AuthenticationError);
  const { client } = await somebody('bob');
  const { id } = await client.conversations.create({ title: 'Renewed' });
  const outdated = new Client({ baseURL: PLATFORM, token: 'nonsense', refreshToken: client.refreshToken });
  const renewed = closedAfter(t, outdated.socket());
  const { text } = await renewed.send(id, 'Tell me', { model: 'ok-3' }).final();
  assert.equal(text, 'the of and');
});

test('a socket that nobody answers is given up, and one that was closed is told so', async (t) => {
  way.refuses = true;
  const socket = socketThroughTheWay(t, { patience: 1_000 });
  await assert.rejects(socket.send(crypto.randomUUID(), 'Tell me').final(), APIConnectionError);
  way.refuses = false;
  const open = closedAfter(t, alice.socket());
  const answer = open.send(await conversation(), 'Tell me', { model: 'ok-200-rate-20' });
  for await (const event of answer) if (event.type === 'start') break;
  const again = open.resume(answer.turnId);
  open.close();
  await assert.rejects(again.final(), ChatPlatformError);
  assert.throws(() => open.resume(answer.turnId), ChatPlatformError);
  assert.equal((await answer.stop()).status, 'stopped');
});

/** A server that answers the handshake rightly (or as told) and then says these bytes. */
async function rawServer(t, bytes, { accept } = {}) {
  const { createHash } = await import('node:crypto');
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (request) => {
      const key = /sec-websocket-key: (.+)\r\n/i.exec(request.toString())[1];
      const proof = accept ?? createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
      const head = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${proof}\r\n\r\n`;
      socket.write(Buffer.concat([Buffer.from(head), bytes]));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return `ws://127.0.0.1:${server.address().port}/`;
}

/** What a socket of ours hears, and how it ends. */
async function heard(url) {
  const socket = new NodeWebSocket(url);
  const messages = [];
  socket.onmessage = ({ data }) => messages.push(data);
  const code = await new Promise((resolve) => (socket.onclose = (event) => resolve(event.code)));
  return { messages, code };
}

test('messages in parts, long ones and a close are understood', async (t) => {
  const long = Buffer.alloc(70_000, 'x');
  const longHead = Buffer.from([0x81, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70]);
  const frames = [
    Buffer.from([0x01, 3]), Buffer.from('三'), // begun…
    Buffer.from([0x89, 2]), Buffer.from('hi'), // …a ping between…
    Buffer.from([0x80, 1]), Buffer.from('!'), // …and ended
    longHead, long,
    Buffer.from([0x88, 2, 0x0f, 0xa1]), // 4001
  ];
  const { messages, code } = await heard(await rawServer(t, Buffer.concat(frames)));
  assert.deepEqual(messages, ['三!', long.toString()]);
  assert.equal(code, 4001);
});

test('who breaks the protocol is hung up on', async (t) => {
  for (const bytes of [[0x81, 0x81, 0, 0, 0, 0, 0], [0xc1, 0], [0x83, 0], [0x81, 127, 0, 0, 1, 0, 0, 0, 0, 0]]) {
    assert.equal((await heard(await rawServer(t, Buffer.from(bytes)))).code, 1002);
  }
  assert.equal((await heard(await rawServer(t, Buffer.alloc(0), { accept: 'nonsense' }))).code, 1006);
});
