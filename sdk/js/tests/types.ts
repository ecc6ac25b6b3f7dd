/** What the types promise. Nothing of this is run: it is right when it compiles. */

import { Client, NotFoundError, type EndEvent, type Page, type StartEvent } from '@chatplatform/client';
import { LLMChatClient, type Chunk, type Completion } from '@llmchat/client-sdk';
import { LyssClient } from '@lyss-ai/client';

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
const holds = <T extends true>(): T | void => undefined;

export async function platform(client: Client): Promise<void> {
  const conversation = await client.conversations.create({ title: 'Typed' });
  const stream = await client.messages.stream(conversation.id, 'Hello', { temperature: 0.5 });
  for await (const event of stream) {
    if (event.type === 'start') holds<Same<typeof event, StartEvent>>();
    else if (event.type === 'content') event.content.trim();
    else event.usage.total_tokens?.toFixed();
  }
  holds<Same<typeof stream.end, EndEvent | undefined>>();
  const page: Page<{ title: string }> = await client.conversations.list({ archived: true });
  page.items[0]?.title.trim();
  try {
    await client.messages.send(conversation.id, 'Hello');
  } catch (error) {
    if (error instanceof NotFoundError) error.retryAfter?.toFixed();
  }
  // @ts-expect-error: there is no such field
  await client.conversations.create({ titel: 'Typed' });
  // @ts-expect-error: an address is needed
  new Client({});
  const socket = client.socket();
  for await (const piece of socket.send(conversation.id, 'Hello').text()) piece.trim();
  socket.close();
}

export async function llmchat(client: LLMChatClient): Promise<void> {
  const messages = [{ role: 'user' as const, content: 'Hello' }];
  for await (const chunk of await client.chat.completions({ messages, stream: true })) holds<Same<typeof chunk, Chunk>>();
  const whole = await client.chat.completions({ messages });
  holds<Same<typeof whole, Completion>>();
  // @ts-expect-error: there is no such role
  await client.chat.completions({ messages: [{ role: 'robot', content: '' }] });
}

export async function lyss(client: LyssClient): Promise<void> {
  const provider = await client.providers.create({ name: 'Mine', providerType: 'openai' });
  const reply = await client.chat.sendMessage({ providerId: provider.id, messages: [{ role: 'user', content: 'Hello' }] });
  reply.message.metadata?.tokensUsed.toFixed();
  for await (const event of await client.chat.stream({ messages: [] })) if (event.type === 'end') event.cost?.toFixed(2);
  // @ts-expect-error: the platform's name, not this client's
  await client.providers.create({ name: 'Mine', provider_type: 'openai' });
}
