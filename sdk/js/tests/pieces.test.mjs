/** The parts that know nothing of the platform: how events are read, how long is waited, how names are changed. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { secondsUntil } from '../packages/client/dist/errors.js';
import { backoff } from '../packages/client/dist/retrying.js';
import { EventParser } from '../packages/client/dist/sse.js';
import { fromWire, toWire } from '../packages/lyss/dist/names.js';

const STREAM = ': still here\r\n\r\nid: 1\r\ndata: {"a":\r\ndata: 1}\r\n\r\ndata:two\n\nevent: x\rid: 3\rdata: 三\r\r';
const EVENTS = [
  { id: '1', numbered: true, data: '{"a":\n1}' },
  { id: '1', numbered: false, data: 'two' },
  { id: '3', numbered: true, data: '三' },
];

test('events are the same wherever the stream was cut into pieces', () => {
  for (let size = 1; size <= STREAM.length; size++) {
    const parser = new EventParser();
    const events = [];
    for (let at = 0; at < STREAM.length; at += size) events.push(...parser.feed(STREAM.slice(at, at + size)));
    events.push(...parser.feed('\n'));
    assert.deepEqual(events, EVENTS, `in pieces of ${size}`);
  }
});

test('waits grow, and differ from client to client', () => {
  assert.deepEqual([0, 1, 2, 3, 4, 9].map((attempt) => backoff(attempt, 0)), [0.5, 1, 2, 4, 8, 8]);
  assert.equal(backoff(1, 0.75), 0.75);
});

test('Retry-After is a number of seconds or a date', () => {
  assert.equal(secondsUntil('7'), 7);
  assert.equal(secondsUntil('Sat, 21 Nov 2026 20:00:30 GMT', Date.UTC(2026, 10, 21, 20, 0, 0)), 30);
  assert.equal(secondsUntil('Sat, 21 Nov 2020 20:00:30 GMT'), 0);
  assert.equal(secondsUntil('soon'), undefined);
  assert.equal(secondsUntil(null), undefined);
});

test('names are changed, but what is the user’s own is not looked into', () => {
  assert.deepEqual(toWire({ providerType: 'openai', config: { maxTokens: 1 }, messages: [{ role: 'user', content: 'aB' }] }), {
    provider_type: 'openai',
    config: { maxTokens: 1 },
    messages: [{ role: 'user', content: 'aB' }],
  });
  assert.deepEqual(fromWire({ created_at: 'x', metadata: { my_tag: 1 }, messages: [{ role: 'a', content: '', metadata: { tokens_used: 2 } }] }), {
    createdAt: 'x',
    metadata: { my_tag: 1 },
    messages: [{ role: 'a', content: '', metadata: { tokensUsed: 2 } }],
  });
});
