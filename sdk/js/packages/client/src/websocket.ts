/** The WebSocket that there is: the browser's, Node.js 22's, or for Node.js 20 the one beside this file. */

/** What this package needs of one. */
export interface WebSocketLike {
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: ((event: unknown) => void) | null;
  send(text: string): void;
  close(code?: number): void;
}

export type WebSocketClass = new (url: string) => WebSocketLike;

export async function webSocketClass(): Promise<WebSocketClass> {
  const global = (globalThis as { WebSocket?: unknown }).WebSocket;
  if (global !== undefined) return global as WebSocketClass;
  return (await import('./node-websocket.js')).NodeWebSocket;
}
