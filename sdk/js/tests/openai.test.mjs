/** The official `openai` package, unchanged, against the platform's OpenAI-compatible door. */

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import OpenAI from 'openai';

import { PLATFORM, somebody } from './helpers.mjs';

const EMBEDDER = 'universal-sentence-encoder-multilingual-3';
const HELLO = [{ role: 'user', content: 'Hello' }];
let alice;
let openai;

before(async () => {
  alice = (await somebody('alice')).client;
  const { key } = await alice.apiKeys.create({ name: 'openai' });
  openai = new OpenAI({ baseURL: `${PLATFORM}/v1`, apiKey: key });
});

test('a completion comes whole', async () => {
  const completion = await openai.chat.completions.create({ model: 'ok-3', messages: HELLO });
  assert.equal(completion.object, 'chat.completion');
  assert.equal(completion.choices[0].message.content, 'the of and');
  assert.equal(completion.choices[0].finish_reason, 'stop');
  assert.equal(completion.usage.completion_tokens, 3);
  assert.ok(completion._request_id, 'it has the request’s name');
});

test('a completion comes in chunks, with its usage at the end', async () => {
  const stream = await openai.chat.completions.create({
    model: 'ok-15-rate-30',
    messages: [{ role: 'system', content: 'Be brief.' }, ...HELLO],
    stream: true,
    stream_options: { include_usage: true },
    temperature: 0.5,
    max_completion_tokens: 100,
  });
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  assert.equal(chunks[0].choices[0].delta.role, 'assistant');
  const text = chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');
  assert.equal(text.split(' ').length, 15);
  assert.equal(chunks.at(-2).choices[0].finish_reason, 'stop');
  assert.deepEqual([chunks.at(-1).choices, chunks.at(-1).usage.completion_tokens], [[], 15]);
});

test('the package’s own reader of streams understands ours', async () => {
  const pieces = [];
  const runner = openai.chat.completions.stream({ model: 'ok-15-rate-30', messages: HELLO });
  runner.on('content', (piece) => pieces.push(piece));
  const completion = await runner.finalChatCompletion();
  assert.equal(completion.choices[0].message.content, pieces.join(''));
});

test('nothing is kept of a completion, unless a conversation is named', async () => {
  const before_ = (await alice.conversations.list()).pagination.total;
  await openai.chat.completions.create({ model: 'ok-3', messages: HELLO });
  assert.equal((await alice.conversations.list()).pagination.total, before_);
  const id = crypto.randomUUID();
  await openai.chat.completions.create({ model: 'ok-3', messages: HELLO, metadata: { conversation_id: id } });
  const { items } = await alice.messages.list(id, { order: 'asc' });
  assert.deepEqual(items.map(({ content }) => content), ['Hello', 'the of and']);
});

test('the models are those that one may ask for', async () => {
  const names = [];
  for await (const model of openai.models.list()) names.push(model.id);
  assert.ok(names.includes('ok-3'));
  assert.equal((await openai.models.retrieve('ok-3')).id, 'ok-3');
});

test('texts become vectors', async () => {
  const { data, model, usage } = await openai.embeddings.create({ model: EMBEDDER, input: ['One', '二'] });
  assert.equal(data.length, 2);
  assert.ok(data[0].embedding.length > 50 && data[0].embedding.every(Number.isFinite));
  assert.equal(model, EMBEDDER);
  assert.ok(usage.prompt_tokens > 0);
});

test('errors are the package’s own classes', async () => {
  const ask = (more) => openai.chat.completions.create({ model: 'ok-3', messages: HELLO, ...more });
  const stranger = new OpenAI({ baseURL: `${PLATFORM}/v1`, apiKey: 'sk-nonsense' });
  await assert.rejects(stranger.models.list(), (error) => error instanceof OpenAI.AuthenticationError && error.code === 'invalid_api_key');
  await assert.rejects(ask({ model: 'nobody' }), (error) => error instanceof OpenAI.NotFoundError && error.code === 'model_not_found');
  await assert.rejects(ask({ messages: [] }), OpenAI.BadRequestError);
  await assert.rejects(ask({ n: 2 }), (error) => error instanceof OpenAI.BadRequestError && error.param === 'n');
});
