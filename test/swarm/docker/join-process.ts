/** `vtep join` in a namespace: start, kill and restart with the same state. */
import { join } from 'node:path';
import { readStatus } from '../../../src/live/index.js';
import { type Ended } from '../../live/namespaces/namespace-process.js';
import { type NetworkNamespace } from '../../live/namespaces/network-namespace.js';
import { spawnVtep, type VtepProcess } from '../../live/namespaces/vtep-process.js';

const PATIENCE_MS = 40_000;
const ROWS = 1000;

/** An attachment, as `vtep status` shows it. */
export interface AttachmentRow {
  readonly network: string;
  readonly networkId: string;
  readonly state: string;
  /** With the prefix length. */
  readonly address: string;
  readonly mac: string;
}

/** An entry of the forwarding table, as `vtep status` shows it. */
export interface ForwardingRow {
  readonly network: string;
  readonly mac: string;
  readonly node: string | null;
  /** Null for an endpoint of this node. */
  readonly vtep: string | null;
}

/** What the tests read of a status. */
export interface JoinStatus {
  readonly swarm: { readonly nodeId: string; readonly state: string };
  readonly attachments: { readonly rows: readonly AttachmentRow[] };
  readonly forwarding: { readonly rows: readonly ForwardingRow[] };
}

/** What a node is started with. */
export interface JoinOptions {
  readonly manager: string;
  readonly name: string;
  /** A folder of its own, for identity and status. */
  readonly folder: string;
  /** Further arguments: `--attach`. */
  readonly words: readonly string[];
}

/** A node that isn't a Docker engine. */
export class JoinProcess {
  /** The arguments without a token. */
  readonly words: readonly string[];
  readonly #namespace: NetworkNamespace;
  readonly #socket: string;
  #process: VtepProcess | undefined;

  constructor(namespace: NetworkNamespace, { manager, name, folder, words }: JoinOptions) {
    this.#namespace = namespace;
    this.#socket = join(folder, 'status.sock');
    const files = ['--state', join(folder, 'state'), '--status', this.#socket];
    this.words = ['join', manager, '--name', name, ...words, ...files];
  }

  /**
   * Starts, and waits until its networks are attached.
   * @param tokenFile path of a token; without, the stored identity
   * @throws {Error} with all of its output, if it can't
   */
  async start(tokenFile?: string): Promise<void> {
    const token = tokenFile === undefined ? [] : ['--token-file', tokenFile];
    const process = spawnVtep(this.#namespace, [...this.words, ...token]);
    this.#process = process;
    const attachments = this.words.filter((word) => word === '--attach').length;
    const isReady = (): boolean =>
      / is up on /.test(process.stderr) && (process.stderr.match(/: attached /g) ?? []).length >= attachments;
    await process.saying(isReady, 'attached networks', PATIENCE_MS);
  }

  /** Its messages so far. */
  get said(): string {
    return this.#running.stderr;
  }

  /** Waits for a line on standard error. */
  async says(pattern: RegExp): Promise<string> {
    return this.#running.ready(pattern, PATIENCE_MS);
  }

  /** Asks it for sections of its status. */
  async status(...sections: readonly (keyof JoinStatus)[]): Promise<JoinStatus> {
    return (await readStatus(this.#socket, { sections, rows: ROWS })) as unknown as JoinStatus;
  }

  /** Path of its status socket. */
  get socket(): string {
    return this.#socket;
  }

  /** Kills it at an arbitrary moment. */
  async kill(): Promise<void> {
    await this.#running.stop('SIGKILL');
  }

  /** Ends it, and waits. */
  async stop(): Promise<Ended> {
    return this.#running.stop('SIGTERM', PATIENCE_MS);
  }

  /** Waits until it ends by itself. */
  async end(): Promise<Ended> {
    return this.#running.end(PATIENCE_MS);
  }

  get #running(): VtepProcess {
    if (this.#process === undefined) throw new Error('the node was not started');
    return this.#process;
  }
}
