/** DNS servers on a loopback address, and how the tests ask them. */
import assert from 'node:assert/strict';
import { createSocket, type Socket as Datagrams } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type DnsCounters,
  type DnsEndpoint,
  type DnsFailure,
  LiveDns,
  type LiveDnsOptions,
} from '../../../src/live/index.js';
import { type DnsRecord, tcpFrame, TcpMessages } from '../../../src/service/index.js';
import { NETWORK } from '../../service/dns/swarm.js';
import { portOf } from '../loopback.js';

/** An address of the tests here. */
export const HOST = '127.0.0.11';
const PATIENCE = 10_000;
let ports = 0;

/** A port that is free for UDP and TCP. */
export function freePort(): number {
  return portOf(200 + ports++);
}

/** Servers of one endpoint, `self`, in the namespace of the tests. */
export class RunningDns {
  readonly failures: DnsFailure[] = [];
  readonly serving: string[] = [];
  readonly port: number;
  readonly dns: LiveDns;

  private constructor(dns: LiveDns, port: number) {
    this.dns = dns;
    this.port = port;
  }

  /** Starts the thread, with my-network and records. */
  static async start(records: readonly DnsRecord[] = [], options: LiveDnsOptions = {}): Promise<RunningDns> {
    const port = options.port ?? freePort();
    const lists: Pick<RunningDns, 'failures' | 'serving'> = { failures: [], serving: [] };
    const dns = await LiveDns.start({
      address: HOST,
      port,
      onFailure: (failure) => lists.failures.push(failure),
      onServing: (key) => lists.serving.push(key),
      onEnd: (why) => assert.fail(why),
      ...options,
    });
    const running = Object.assign(new RunningDns(dns, port), lists);
    dns.setNetwork({ id: NETWORK, name: 'my-network' });
    for (const record of records) dns.setRecord(record);
    return running;
  }

  /** Serves `self`. */
  async serve(settings: Partial<DnsEndpoint> = {}): Promise<void> {
    this.dns.setEndpoint({ key: 'self', networks: [NETWORK], servers: [], ...settings });
    await this.dns.report();
  }

  /** The counters of an endpoint, whose sum is right. */
  async counters(key = 'self'): Promise<DnsCounters> {
    const { endpoints } = await this.dns.report();
    const counters = endpoints.get(key);
    assert.ok(counters !== undefined);
    const dropped = Object.values(counters.dropped).reduce((sum, count) => sum + count, 0);
    assert.equal(counters.queries, counters.answers + dropped + counters.pending);
    return counters;
  }

  /** The answer over UDP; undefined for none in time. */
  async ask(query: Uint8Array, milliseconds = PATIENCE): Promise<Buffer | undefined> {
    const socket = createSocket('udp4');
    try {
      socket.bind(0, '127.0.0.1');
      await once(socket, 'listening');
      const answered = new Promise<Buffer>((done) => socket.once('message', (message) => done(message)));
      socket.send(query, this.port, HOST);
      return await Promise.race([answered, sleep(milliseconds, undefined, { ref: false })]);
    } finally {
      socket.close();
    }
  }

  /** The answers over one TCP connection, until it is closed or all are there. */
  async askTcp(queries: readonly Uint8Array[]): Promise<Buffer[]> {
    const socket = await this.connection();
    const answers: Buffer[] = [];
    const messages = new TcpMessages();
    const ended = once(socket, 'close');
    socket.on('data', (chunk: Buffer) => {
      messages.push(chunk, (message) => {
        answers.push(Buffer.from(message));
      });
    });
    socket.write(Buffer.concat(queries.map(tcpFrame)));
    await Promise.race([ended, until(() => answers.length >= queries.length)]);
    socket.destroy();
    return answers;
  }

  /** A TCP connection to the server. */
  async connection(): Promise<Socket> {
    const socket = connect(this.port, HOST);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  }
}

/** Waits until a condition holds. */
export async function until(holds: () => boolean | Promise<boolean>, milliseconds = PATIENCE): Promise<void> {
  const end = performance.now() + milliseconds;
  while (performance.now() < end) {
    if (await holds()) return;
    await sleep(10);
  }
  assert.fail('took too long');
}

/** An upstream server on a loopback address, over UDP and TCP. */
export class Upstream {
  readonly queries: { bytes: Buffer; port: number; transport: 'udp' | 'tcp' }[] = [];
  readonly datagrams: Datagrams = createSocket('udp4');
  readonly #listener = createServer((socket) => this.#accept(socket));
  readonly #answer: (query: Buffer, transport: 'udp' | 'tcp') => Buffer | undefined;
  readonly port = freePort();

  /** @param answer makes the answer; undefined for none */
  constructor(answer: (query: Buffer, transport: 'udp' | 'tcp') => Buffer | undefined) {
    this.#answer = answer;
    this.datagrams.on('message', (bytes, { port, address }) => {
      this.queries.push({ bytes, port, transport: 'udp' });
      const message = this.#answer(bytes, 'udp');
      if (message !== undefined) this.datagrams.send(message, port, address);
    });
  }

  async listen(): Promise<this> {
    this.datagrams.bind(this.port, '127.0.0.1');
    this.#listener.listen(this.port, '127.0.0.1');
    await Promise.all([once(this.datagrams, 'listening'), once(this.#listener, 'listening')]);
    return this;
  }

  /** Where it is, for an endpoint. */
  get server(): { address: string; port: number } {
    return { address: '127.0.0.1', port: this.port };
  }

  close(): void {
    this.datagrams.close();
    this.#listener.close();
  }

  #accept(socket: Socket): void {
    const messages = new TcpMessages();
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) =>
      messages.push(chunk, (message) => {
        const bytes = Buffer.from(message);
        this.queries.push({ bytes, port: socket.remotePort ?? 0, transport: 'tcp' });
        const answer = this.#answer(bytes, 'tcp');
        if (answer !== undefined) socket.write(tcpFrame(answer));
      }),
    );
  }
}
