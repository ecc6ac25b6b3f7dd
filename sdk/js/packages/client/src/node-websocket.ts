/**
 * A WebSocket client (RFC 6455) for Node.js 20, which has none switched on. Text messages only; no extensions.
 *
 * Bundlers for browsers leave this file out: see `browser` in package.json.
 */

import { createHash, randomBytes } from 'node:crypto';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';

import type { WebSocketLike } from './websocket.js';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const CONTINUATION = 0;
const TEXT = 1;
const CLOSE = 8;
const PING = 9;
const PONG = 10;
/** Bytes: no message of the platform is nearly as long. */
const LONGEST_MESSAGE = 16 * 2 ** 20;
/** Milliseconds that the other side has for its part of the closing. */
const LONGEST_CLOSING = 2_000;
const NORMAL = 1000;
const NO_CODE = 1005;
const ABNORMAL = 1006;
const BROKEN_PROTOCOL = 1002;

interface Frame {
  final: boolean;
  kind: number;
  payload: Buffer;
}

export class NodeWebSocket implements WebSocketLike {
  onopen: WebSocketLike['onopen'] = null;
  onmessage: WebSocketLike['onmessage'] = null;
  onclose: WebSocketLike['onclose'] = null;
  onerror: WebSocketLike['onerror'] = null;
  #socket: Duplex | undefined;
  #received: Buffer = Buffer.alloc(0);
  #message: Buffer[] = [];
  #closed = false;
  #closing = false;
  readonly #abandon: () => void;

  constructor(url: string) {
    const key = randomBytes(16).toString('base64');
    const address = new URL(url);
    const begin = address.protocol === 'wss:' ? httpsRequest : httpRequest;
    address.protocol = address.protocol === 'wss:' ? 'https:' : 'http:';
    const headers = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': key };
    const asking = begin(address, { headers });
    this.#abandon = () => asking.destroy();
    asking.on('upgrade', (answer, socket, head) => this.#opened(answer, socket, head, key));
    asking.on('response', (answer) => {
      answer.resume();
      this.#failed(new Error(`The handshake was answered with status ${answer.statusCode}.`));
    });
    asking.on('error', (error) => this.#failed(error));
    asking.end();
  }

  send(text: string): void {
    this.#write(TEXT, Buffer.from(text));
  }

  close(code: number = NORMAL): void {
    if (this.#closing || this.#closed) return;
    this.#closing = true;
    if (this.#socket === undefined) {
      this.#abandon();
      this.#over(ABNORMAL, '');
      return;
    }
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    this.#write(CLOSE, payload);
    setTimeout(() => this.#over(ABNORMAL, ''), LONGEST_CLOSING).unref();
  }

  #opened(answer: IncomingMessage, socket: Duplex, head: Buffer, key: string): void {
    const expected = createHash('sha1').update(key + GUID).digest('base64');
    this.#socket = socket;
    socket.on('error', () => this.#over(ABNORMAL, ''));
    socket.on('close', () => this.#over(ABNORMAL, ''));
    if (this.#closed || answer.headers['sec-websocket-accept'] !== expected) {
      socket.destroy();
      this.#failed(new Error('The handshake was not answered by a WebSocket server.'));
      return;
    }
    socket.on('data', (bytes: Buffer) => this.#take(bytes));
    this.onopen?.();
    if (head.length > 0) this.#take(head);
  }

  #take(bytes: Buffer): void {
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes]);
    try {
      for (let frame = this.#frame(); frame && !this.#closed; frame = this.#frame()) this.#handle(frame);
    } catch (error) {
      this.onerror?.(error);
      this.#over(BROKEN_PROTOCOL, '');
    }
  }

  /** The next whole frame, if it has arrived. */
  #frame(): Frame | undefined {
    const bytes = this.#received;
    if (bytes.length < 2) return undefined;
    const [first, second] = [bytes[0]!, bytes[1]!];
    if ((first & 0x70) !== 0 || (second & 0x80) !== 0) throw new Error('The server broke the protocol.');
    let length = second & 0x7f;
    let start = 2;
    if (length === 126) {
      if (bytes.length < 4) return undefined;
      length = bytes.readUInt16BE(2);
      start = 4;
    } else if (length === 127) {
      if (bytes.length < 10) return undefined;
      length = Number(bytes.readBigUInt64BE(2));
      start = 10;
    }
    if (length > LONGEST_MESSAGE) throw new Error('The message is too long.');
    if (bytes.length < start + length) return undefined;
    this.#received = bytes.subarray(start + length);
    return { final: (first & 0x80) !== 0, kind: first & 0x0f, payload: bytes.subarray(start, start + length) };
  }

  #handle({ final, kind, payload }: Frame): void {
    switch (kind) {
      case TEXT:
      case CONTINUATION:
        this.#message.push(payload);
        if (this.#message.reduce((sum, part) => sum + part.length, 0) > LONGEST_MESSAGE) throw new Error('The message is too long.');
        if (final) this.onmessage?.({ data: Buffer.concat(this.#message.splice(0)).toString('utf8') });
        break;
      case PING:
        this.#write(PONG, payload);
        break;
      case PONG:
        break;
      case CLOSE:
        if (!this.#closing) this.#write(CLOSE, payload.subarray(0, 2));
        this.#over(payload.length >= 2 ? payload.readUInt16BE(0) : NO_CODE, payload.subarray(2).toString('utf8'));
        break;
      default:
        throw new Error('The server sent a frame of an unknown kind.');
    }
  }

  /** As one frame, masked, as every client's must be. */
  #write(kind: number, payload: Buffer): void {
    if (this.#socket === undefined || this.#closed) return;
    const length = payload.length;
    const head = length < 126 ? Buffer.from([0, length]) : length < 2 ** 16 ? Buffer.alloc(4) : Buffer.alloc(10);
    if (head.length === 4) head.writeUInt16BE(length, 2);
    if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
    head[0] = 0x80 | kind;
    head[1] = 0x80 | (head.length === 2 ? length : head.length === 4 ? 126 : 127);
    const mask = randomBytes(4);
    const masked = Buffer.from(payload);
    for (let at = 0; at < length; at++) masked[at]! ^= mask[at & 3]!;
    this.#socket.write(Buffer.concat([head, mask, masked]));
  }

  #failed(error: Error): void {
    this.onerror?.(error);
    this.#over(ABNORMAL, '');
  }

  #over(code: number, reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    const socket = this.#socket;
    if (code === ABNORMAL) socket?.destroy();
    else socket?.end(); // what was written last still goes out
    setTimeout(() => socket?.destroy(), LONGEST_CLOSING).unref();
    this.onclose?.({ code, reason });
  }
}
