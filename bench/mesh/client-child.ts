/**
 * A client that keeps so many connections busy, and prints a `ClientReport` as JSON:
 * `client-child.js http|socket ADDRESS PORT HOST CONNECTIONS SECONDS BYTES`. Over WebSocket, a message of so many bytes goes
 * to and fro; the proxies don't read messages, so their masks don't matter.
 */
import { connect } from 'node:net';
import { type ClientReport, quantileOf } from './client-report.js';

const [kind, address, port, host, connections, seconds, bytes] = process.argv.slice(2);
const isWebSocket = kind === 'socket';
const MAX_SAMPLES = 4_000_000;
const times = new Float64Array(MAX_SAMPLES);
let requests = 0;
let failed = 0;
let isOver = false;

const upgrade =
  `GET / HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
const request = Buffer.from(isWebSocket ? upgrade : `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
const message = Buffer.alloc(Number(bytes), 'a');
message[0] = 0x82;
message[1] = message.length - 2;

function open(): void {
  const socket = connect({ host: address, port: Number(port), noDelay: true });
  let began = 0;
  let left = 0;
  let head: Buffer | undefined;
  let isOpen = !isWebSocket;
  const send = (): void => {
    began = performance.now();
    head = undefined;
    left = isOpen && isWebSocket ? message.length : 0;
    socket.write(isOpen && isWebSocket ? message : request);
  };
  const done = (): void => {
    times[requests++ % MAX_SAMPLES] = performance.now() - began;
    if (isOver) socket.destroy();
    else send();
  };
  socket.on('connect', send);
  socket.on('error', () => failed++);
  socket.on('data', (chunk: Buffer) => {
    if (left > 0) {
      left -= chunk.length;
      if (left === 0) done();
      return;
    }
    head = head === undefined ? chunk : Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    const text = head.toString('latin1', 0, end);
    if (isWebSocket) {
      if (!text.startsWith('HTTP/1.1 101')) return void (failed++, socket.destroy());
      isOpen = true;
      send();
      return;
    }
    if (!text.startsWith('HTTP/1.1 200')) failed++;
    const length = Number(/content-length: *(\d+)/i.exec(text)?.[1] ?? 0);
    left = length - (head.length - end - 4);
    if (left === 0) done();
  });
}

for (let i = 0; i < Number(connections); i++) open();
const from = performance.now();
setTimeout(
  () => {
    isOver = true;
    const took = (performance.now() - from) / 1000;
    const sorted = times.slice(0, Math.min(requests, MAX_SAMPLES)).sort();
    const report: ClientReport = {
      requests,
      perSecond: requests / took,
      p50: quantileOf(sorted, 0.5),
      p99: quantileOf(sorted, 0.99),
      failed,
    };
    process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));
  },
  Number(seconds) * 1000,
);
