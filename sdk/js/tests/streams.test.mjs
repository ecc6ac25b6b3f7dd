/** Answers as they are written, over connections that break. Asks the real platform. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { APIConnectionError, AuthenticationError, Client, ServerError, TurnFailed } from '@chatplatform/client';
import { CuttableWay, PLATFORM, somebody } from './helpers.mjs';

let alice;
let way;

before(async () => {
  alice = (await somebody('alice')).client;
  way = await new CuttableWay().open();
});

after(() => way.close());

/** Alice, through the way that can be cut. */
const thereAndBack = (options = {}) => new Client({ baseURL: way.url, token: alice.token, ...options });

async function stored(conversation) {
  return (await alice.messages.list(conversation, { order: 'asc' })).items;
}

test('an answer comes in pieces, from start to end', async () => {
  const { id } = await alice.conversations.create({ title: 'Pieces' });
  const stream = await alice.messages.stream(id, 'Tell me', { model: 'ok-15-rate-30' });
  const events = [];
  for await (const event of stream) events.push(event);
  assert.equal(events[0].type, 'start');
  assert.equal(events[0].conversation_id, id);
  assert.equal(events.at(-1).type, 'end');
  assert.equal(events.at(-1).usage.completion_tokens, 15);
  const text = events.filter(({ type }) => type === 'content').map(({ content }) => content).join('');
  assert.equal(text.split(' ').length, 15);
  const messages = await stored(id);
  assert.deepEqual(messages.map(({ content }) => content), ['Tell me', text]);
  assert.equal(messages[1].turn_id, stream.turnId);
});

test('a stream that is cut again and again is read whole, and each event once', async () => {
  const { id } = await alice.conversations.create({ title: 'Cut' });
  const connections = way.connections;
  way.limits = [700, 600, 500, 650, 600];
  const stream = await thereAndBack().messages.stream(id, 'Tell me', { model: 'ok-60-rate-20' });
  const { text } = await stream.final();
  assert.ok(way.connections >= connections + 6, 'it was cut');
  const messages = await stored(id);
  assert.deepEqual(messages.map(({ content }) => content), ['Tell me', text]);
});

test('a send whose answer was lost before its first byte is one turn all the same', async () => {
  const { id } = await alice.conversations.create({ title: 'Once' });
  way.limits = [1, 1];
  const stream = await thereAndBack().messages.stream(id, 'Only once', { model: 'ok-15-rate-30' });
  const { text } = await stream.final();
  way.limits = [1, 1];
  await thereAndBack().messages.send(id, 'And once more', { model: 'ok-3' });
  const messages = await stored(id);
  assert.deepEqual(messages.map(({ content }) => content), ['Only once', text, 'And once more', messages[3].content]);
});

test('a send that is cut anywhere in the head of its answer or in its first event is one turn all the same', async () => {
  const { id } = await alice.conversations.create({ title: 'Head' });
  const said = [];
  for (const limit of [120, 240, 360, 480, 600]) {
    way.limits = [limit];
    const { text } = await (await thereAndBack().messages.stream(id, `Cut at ${limit}`, { model: 'ok-3' })).final();
    said.push(`Cut at ${limit}`, text);
  }
  const messages = await stored(id);
  assert.deepEqual(messages.map(({ content }) => content), said);
});

test('the turn goes on when its reader leaves, and can be read again from any event', async () => {
  const { id } = await alice.conversations.create({ title: 'Left' });
  const stream = await alice.messages.stream(id, 'Tell me', { model: 'ok-40-rate-20' });
  for await (const event of stream) if (event.type === 'content') break;
  const again = await alice.turns.follow(stream.turnId);
  const whole = await again.final();
  assert.equal(whole.end.usage.completion_tokens, 40);
  assert.equal((await stored(id))[1].content, whole.text);
  const rest = [];
  for await (const event of await alice.turns.follow(stream.turnId, { after: again.lastEvent - 2 })) rest.push(event.type);
  assert.deepEqual(rest, ['content', 'end']);
});

test('a stop ends the answer, and what there is of it is kept', async () => {
  const { id } = await alice.conversations.create({ title: 'Stopped' });
  const stream = await alice.messages.stream(id, 'Tell me', { model: 'ok-200-rate-20' });
  let text = '';
  for await (const event of stream) {
    if (event.type !== 'content') continue;
    if (text === '') assert.equal((await stream.stop()).status, 'stopped');
    text += event.content;
  }
  assert.equal(stream.end.stopped, true);
  const [, answer] = await stored(id);
  assert.deepEqual([answer.status, answer.content], ['stopped', text]);
});

test('a vendor that fails at once is a refusal, one that fails later fails the turn', async () => {
  const { id } = await alice.conversations.create({ title: 'Failing' });
  await assert.rejects(alice.messages.stream(id, 'Tell me', { model: '500' }), (error) => error instanceof ServerError && error.status === 502);
  const stream = await alice.messages.stream(id, 'Tell me', { model: 'cut-after-5' });
  const failed = await stream.final().catch((error) => error);
  assert.ok(failed instanceof TurnFailed);
  assert.equal(failed.code, 'OPENAI_API_ERROR');
  assert.equal(failed.turnId, stream.turnId);
});

test('a way that stays closed is given up', async () => {
  const { id } = await alice.conversations.create({ title: 'Closed' });
  const stream = await thereAndBack({ patience: 1_000 }).messages.stream(id, 'Tell me', { model: 'ok-40-rate-20' });
  await assert.rejects(async () => {
    for await (const event of stream) {
      if (event.type !== 'content') continue;
      way.refuses = true;
      way.cut();
    }
  }, APIConnectionError);
  way.refuses = false;
});

test('a silent connection counts as lost', async () => {
  const { id } = await alice.conversations.create({ title: 'Silent' });
  const client = new Client({ baseURL: PLATFORM, token: alice.token, longestSilence: 300, patience: 1_000 });
  const stream = await client.messages.stream(id, 'Tell me', { model: 'stall-after-5' });
  await assert.rejects(stream.final(), APIConnectionError);
  assert.equal((await stream.stop()).status, 'stopped');
});

test('a reader who aborts is told her own reason', async () => {
  const { id } = await alice.conversations.create({ title: 'Aborted' });
  const leaving = new AbortController();
  const stream = await alice.messages.stream(id, 'Tell me', { model: 'ok-40-rate-20', signal: leaving.signal });
  await assert.rejects(async () => {
    for await (const event of stream) if (event.type === 'content') leaving.abort(new Error('enough'));
  }, /enough/);
});

test('a session that ends ends its streams', async () => {
  const { client, username } = await somebody('bob');
  const elsewhere = new Client({ baseURL: PLATFORM });
  await elsewhere.auth.login({ username, password: 'password123' });
  const { id } = await client.conversations.create({ title: 'Signed out' });
  const reader = new Client({ baseURL: PLATFORM, token: client.token });
  const stream = await reader.messages.stream(id, 'Tell me', { model: 'ok-200-rate-20' });
  await client.auth.logout();
  await assert.rejects(stream.final(), AuthenticationError);
  assert.equal((await elsewhere.turns.stop(stream.turnId)).status, 'stopped');
});
