/** A member of the gossip that runs as a program of its own and is controlled by lines of JSON. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type Readable, type Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { ENVIRONMENT } from '../../live/namespaces/command.js';
import { type NetworkNamespace } from '../../live/namespaces/network-namespace.js';
import { PROGRAMS } from './programs.js';
import { until } from './until.js';

/** What a member runs: this project, HashiCorp's memberlist alone, or Docker's NetworkDB. */
export type MemberKind = 'ours' | 'memberlist' | 'networkdb';

/** Something that happened to a member. Values are base64. */
export interface MemberEventLine {
  readonly event: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly network?: string;
  readonly table?: string;
  readonly entry?: string;
  readonly value?: string;
  readonly name?: string;
  readonly address?: string;
  readonly text?: string;
  readonly join?: boolean;
}

interface AnswerLine {
  readonly id: number;
  readonly error?: string;
  readonly result?: unknown;
}

/** The arguments of a command; bytes are sent as base64. */
export type Arguments = Readonly<Record<string, unknown>>;

/** The port of all members. */
export const GOSSIP_PORT = 7946;

/** How long an answer may take, in milliseconds: joining waits for a stream to fail, and leaving for others to know. */
const ANSWER_MS = 60_000;
const CHILD = fileURLToPath(new URL('our-member-child.js', import.meta.url));
const WORDS: Readonly<Record<MemberKind, readonly string[]>> = {
  ours: [process.execPath, CHILD],
  memberlist: [PROGRAMS.memberlist],
  networkdb: [PROGRAMS.networkdb],
};

/** Bytes as the programs write them. */
export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

/** A running member. */
export class InteropMember {
  readonly kind: MemberKind;
  readonly name: string;
  readonly address: string;
  readonly namespace: NetworkNamespace;
  /** All that happened, in order. */
  readonly events: MemberEventLine[] = [];
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  #calls = 0;
  #stderr = '';
  #hasEnded = false;

  /** Starts the program; `start` starts the member. */
  constructor(kind: MemberKind, name: string, address: string, namespace: NetworkNamespace) {
    this.kind = kind;
    this.name = name;
    this.address = address;
    this.namespace = namespace;
    const words = ['ip', 'netns', 'exec', namespace.name, 'setpriv', '--pdeathsig', 'KILL', ...WORDS[kind]];
    this.#child = spawn(words[0], words.slice(1), { env: ENVIRONMENT, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => void (this.#stderr += text));
    this.#child.stdin.on('error', () => undefined);
    createInterface(this.#child.stdout).on('line', (line) => this.#take(line));
    const ended = (): void => {
      this.#hasEnded = true;
      for (const { reject } of this.#waiting.values()) reject(new Error(`${name} ended: ${this.#stderr}`));
      this.#waiting.clear();
    };
    this.#child.once('close', ended).once('error', ended);
  }

  /** Where it listens. */
  get place(): string {
    return `${this.address}:${GOSSIP_PORT}`;
  }

  /** Starts the member with keys in Docker's order: the one that it sends with first. */
  async start(keys: readonly Uint8Array[]): Promise<void> {
    const { name, address } = this;
    await this.call('start', { name, address, port: GOSSIP_PORT, keys: keys.map(base64) });
  }

  /** Has it do something, and returns the result. */
  async call(what: string, words: Arguments = {}): Promise<unknown> {
    if (this.#hasEnded) throw new Error(`${this.name} has ended: ${this.#stderr}`);
    const id = (this.#calls += 1);
    const result = new Promise((resolve, reject) => void this.#waiting.set(id, { resolve, reject }));
    this.#child.stdin.write(`${JSON.stringify({ ...words, id, do: what })}\n`);
    const timer = setTimeout(() => {
      this.#waiting.get(id)?.reject(new Error(`${this.name}: no answer to ${what}\n${this.#stderr}`));
      this.#waiting.delete(id);
    }, ANSWER_MS);
    return result.finally(() => clearTimeout(timer));
  }

  async join(...others: readonly InteropMember[]): Promise<void> {
    await this.call('join', { addresses: others.map(({ place }) => place) });
  }

  async joinNetwork(network: string): Promise<void> {
    await this.call('joinNetwork', { network });
  }

  async leaveNetwork(network: string): Promise<void> {
    await this.call('leaveNetwork', { network });
  }

  /** Creates, updates or deletes one of its entries. */
  async change(
    what: 'create' | 'update' | 'delete',
    network: string,
    table: string,
    entry: string,
    value: Uint8Array = new Uint8Array(0),
  ): Promise<void> {
    await this.call(what, { network, table, entry, value: base64(value) });
  }

  /** Values by key. */
  async entries(network: string, table: string): Promise<Record<string, string>> {
    return (await this.call('entries', { network, table })) as Record<string, string>;
  }

  /** Names of the members that it knows and that are not gone, sorted; its own included. */
  async members(): Promise<string[]> {
    return ((await this.call('members')) as string[]).sort();
  }

  /** Names of the nodes on a network, sorted. */
  async nodes(network: string): Promise<string[]> {
    return ((await this.call('nodes', { network })) as string[]).sort();
  }

  /** The number of events so far: events from here on are `eventsSince` of it. */
  get mark(): number {
    return this.events.length;
  }

  eventsSince(mark: number): readonly MemberEventLine[] {
    return this.events.slice(mark);
  }

  /** Waits for an event, from `mark` on. */
  async event(what: string, wished: (line: MemberEventLine) => boolean, mark = 0): Promise<MemberEventLine> {
    return until(`${this.name}: ${what}`, () => this.events.slice(mark).find(wished), {
      explain: () => this.logText(mark),
    });
  }

  /** What it logged. */
  logText(mark = 0): string {
    return this.events
      .slice(mark)
      .filter(({ event }) => event === 'log' || event === 'trouble')
      .slice(-40)
      .map(({ text = '' }) => text)
      .join('\n');
  }

  /** Replaces its keys as Docker does: adds the new one, sends with another, removes the oldest. */
  async rotate(added: Uint8Array, primary: Uint8Array, removed: Uint8Array): Promise<void> {
    await this.call('addKey', { key: base64(added) });
    await this.call('useKey', { key: base64(primary) });
    await this.call('removeKey', { key: base64(removed) });
  }

  /** Stops it without a word, until `resume`. */
  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }

  /** Leaves the cluster, and ends. */
  async leave(): Promise<void> {
    await this.call('leave');
    await this.kill();
  }

  /** Ends it without a word. */
  async kill(): Promise<void> {
    if (this.#hasEnded) return;
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGKILL');
    await closed;
  }

  #take(line: string): void {
    const message = JSON.parse(line) as AnswerLine | MemberEventLine;
    if ('event' in message) {
      this.events.push(message);
      return;
    }
    const call = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.error === undefined) call?.resolve(message.result);
    else call?.reject(new Error(`${this.name}: ${message.error}`));
  }
}
