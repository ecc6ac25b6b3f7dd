/** The SDKs that the documents name. They ask the real platform. */

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { ConflictError, LLMChatClient, NotFoundError } from '@llmchat/client-sdk';
import { LyssClient, ValidationError } from '@lyss-ai/client';
import { CuttableWay, PASSWORD, PLATFORM, somebody } from './helpers.mjs';

let alice;

before(async () => {
  alice = await somebody('alice');
});

test('LYSS: one signs in by name, and the names are those of this client', async () => {
  const lyss = new LyssClient({ baseURL: `${PLATFORM}/api/v1` });
  const session = await lyss.auth.login({ username: alice.username, password: PASSWORD });
  assert.equal(session.user.isActive, true);
  assert.equal(session.expiresIn, 1800);
  assert.equal((await lyss.auth.me()).username, alice.username);
  assert.equal(await lyss.auth.refresh(), true);
  await lyss.auth.logout();
});

for (const base of ['/api/v1', '/lyss/api/v1']) {
  test(`LYSS at ${base}: a conversation from its making to its end`, async () => {
    const lyss = new LyssClient({ baseURL: PLATFORM + base, apiKey: alice.client.token });
    const made = await lyss.conversations.create({ title: 'By LYSS', metadata: { my_tags: ['a'] } });
    const reply = await lyss.chat.sendMessage({ conversationId: made.id, messages: [{ role: 'user', content: 'Hello' }], model: 'ok-3' });
    assert.equal(reply.message.content, 'the of and');
    assert.equal(typeof reply.message.metadata.tokensUsed, 'number');
    const events = [];
    for await (const event of await lyss.chat.stream({ conversationId: made.id, messages: [{ role: 'user', content: 'More' }] })) events.push(event);
    assert.equal(events[0].conversationId, made.id);
    assert.equal(events.at(-1).type, 'end');
    const found = await lyss.conversations.get(made.id);
    assert.deepEqual(found.metadata, { my_tags: ['a'] });
    assert.equal(found.messages.length, 4);
    assert.equal((await lyss.conversations.update(made.id, { title: 'Renamed' })).title, 'Renamed');
    assert.equal((await lyss.conversations.list({ pageSize: 1 })).pagination.pageSize, 1);
    await lyss.conversations.delete(made.id);
  });
}

test('LYSS: providers of one’s own', async () => {
  const lyss = new LyssClient({ baseURL: `${PLATFORM}/api/v1`, apiKey: alice.client.token });
  const made = await lyss.providers.create({ name: 'Mine', providerType: 'openai', apiKey: 'sk-0123456789abcdef0123456789', config: { model: 'gpt-4', max_tokens: 7 } });
  assert.deepEqual([made.providerType, made.keyLast4, made.config], ['openai', '6789', { model: 'gpt-4', max_tokens: 7 }]);
  assert.ok((await lyss.providers.available()).some(({ id }) => id === made.id));
  assert.equal((await lyss.providers.update(made.id, { isActive: false })).isActive, false);
  assert.equal((await lyss.providers.list({ providerType: 'openai', isActive: false })).items[0].id, made.id);
  await lyss.providers.delete(made.id);
  await assert.rejects(lyss.providers.create({ name: '', providerType: 'openai' }), ValidationError);
});

test('LYSS: a stream that is cut is read whole', async (t) => {
  const way = await new CuttableWay().open();
  t.after(() => way.close());
  const lyss = new LyssClient({ baseURL: `${way.url}/api/v1`, apiKey: alice.client.token });
  way.limits = [600, 500, 400];
  let text = '';
  const stream = await lyss.chat.stream({ messages: [{ role: 'user', content: 'Tell me' }], model: 'ok-40-rate-20' });
  for await (const event of stream) if (event.type === 'content') text += event.content;
  assert.equal(text.split(' ').length, 40);
  assert.ok(way.connections > 3, 'it was cut');
});

test('LLMChat: one registers with an address and a name, and signs in', async () => {
  const llmchat = new LLMChatClient({ baseURL: `${PLATFORM}/api` });
  const email = `bob-${crypto.randomUUID().slice(0, 8)}@example.com`;
  const { user } = await llmchat.auth.register({ email, password: PASSWORD, name: 'Bob' });
  assert.deepEqual([user.email, user.name], [email, 'Bob']);
  const session = await llmchat.auth.login({ email, password: PASSWORD });
  assert.equal(llmchat.token, session.token);
  assert.equal(await llmchat.auth.refresh(), true);
  await llmchat.auth.logout();
});

for (const base of ['/api', '/api/v1']) {
  test(`LLMChat at ${base}: completions in pieces and whole, in one session`, async () => {
    const llmchat = new LLMChatClient({ baseURL: PLATFORM + base, token: alice.client.token });
    const [agent] = (await llmchat.agents.list()).items;
    const sessionId = crypto.randomUUID();
    const stream = await llmchat.chat.completions({ agentId: agent.id, sessionId, messages: [{ role: 'user', content: 'Hello' }], stream: true });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    assert.ok(chunks.every(({ type }) => type === 'text'));
    assert.deepEqual([stream.sessionId, stream.end.type], [sessionId, 'end']);
    const whole = await llmchat.chat.completions({ agentId: agent.id, sessionId, messages: [{ role: 'user', content: 'More' }] });
    assert.equal(whole.sessionId, sessionId);
    const history = await llmchat.chat.history(sessionId, { limit: 3 });
    assert.equal(history.pagination.total, 4);
    assert.equal(history.items[0].content, whole.message.content);
    assert.equal(history.items[2].content, chunks.map(({ content }) => content).join(''));
  });
}

test('LLMChat: a stream that is cut is read whole, in one turn', async (t) => {
  const way = await new CuttableWay().open();
  t.after(() => way.close());
  const llmchat = new LLMChatClient({ baseURL: `${way.url}/api`, token: alice.client.token });
  way.limits = [1, 700, 600];
  const sessionId = crypto.randomUUID();
  const stream = await llmchat.chat.completions({ sessionId, messages: [{ role: 'user', content: 'Tell me' }], stream: true });
  let text = '';
  for await (const chunk of stream) text += chunk.content;
  assert.ok(way.connections > 2, 'it was cut');
  const direct = new LLMChatClient({ baseURL: PLATFORM, token: alice.client.token });
  const { items } = await direct.chat.history(sessionId);
  assert.deepEqual(items.map(({ content }) => content), [text, 'Tell me']);
});

test('LLMChat: a transcript is saved, and saving it again changes nothing', async () => {
  const llmchat = new LLMChatClient({ baseURL: `${PLATFORM}/api`, token: alice.client.token });
  const sessionId = crypto.randomUUID();
  const messages = [{ role: 'user', content: 'One' }, { role: 'assistant', content: 'Two' }];
  for (let time = 0; time < 2; time++) assert.equal((await llmchat.chat.save({ sessionId, title: 'Saved', messages })).sessionId, sessionId);
  assert.equal((await llmchat.chat.history(sessionId)).pagination.total, 2);
});

test('LLMChat: files are uploaded, found and deleted', async () => {
  const llmchat = new LLMChatClient({ baseURL: `${PLATFORM}/api`, token: alice.client.token });
  const file = await llmchat.files.upload(new Blob(['Holidays: 30 days.']), { filename: 'handbook.txt', type: 'document' });
  assert.equal(file.originalName, 'handbook.txt');
  assert.equal((await llmchat.files.get(file.id)).id, file.id);
  assert.equal((await alice.client.documents.wait(file.id)).status, 'ready');
  await llmchat.files.delete(file.id);
  await assert.rejects(llmchat.files.get(file.id), NotFoundError);
});

test('errors of the façades are those of the client', async () => {
  const llmchat = new LLMChatClient({ baseURL: `${PLATFORM}/api`, token: alice.client.token });
  const email = alice.email;
  await assert.rejects(llmchat.auth.register({ email, password: PASSWORD, name: 'Alice' }), ConflictError);
});
