/**
 * Finds nodes whose overlay packets don't arrive although gossip says that they are alive: a firewall that lets gossip
 * through but drops VXLAN or ESP. What is sent may need no answer, so a node is pinged before it is reported.
 */
import { PeerMark } from '../dataplane/index.js';
import type { LiveNode } from '../live/index.js';
import { type Endpoint, EndpointKind, formatAddress, type Node } from '../overlay/index.js';
import { echoRequest } from './echo-request.js';

/** A node that doesn't answer, for a report. */
export interface SilentPeer {
  readonly node: Node;
  /** How packets to and from it cross the underlay. */
  readonly mark: PeerMark;
}

/** Seconds without any packet of a node that packets are sent to, after which it is pinged. */
const QUIET_SECONDS = 5;
/** Pings without an answer, one per check, before a node is reported. */
const PINGS = 4;
const MARKS = [PeerMark.Clear, PeerMark.Encrypted] as const;

/** How it stands with a node, by one kind of packets. */
interface PeerState {
  /** Since when packets have been sent without any in return, in seconds. */
  since: number | undefined;
  pings: number;
  silent: boolean;
}

/** Watches the nodes of a running node's tables. */
export class SilentPeers {
  readonly #node: LiveNode;
  readonly #tell: (text: string) => void;
  /** By node and mark. */
  readonly #states: (Record<PeerMark, PeerState> | undefined)[] = [];

  constructor(node: LiveNode, tell: (text: string) => void) {
    this.#node = node;
    this.#tell = tell;
    node.tables.watch({
      node: (index, another) => {
        if (another) this.#states[index] = undefined;
      },
    });
  }

  /** The nodes that don't answer. */
  get silent(): SilentPeer[] {
    return this.#node.tables.nodes.flatMap((node, index) =>
      node === undefined
        ? []
        : MARKS.flatMap((mark) => (this.#states[index]?.[mark].silent === true ? [{ node, mark }] : [])),
    );
  }

  /**
   * Looks at what was sent and received since the last check. Call it about once per second.
   * @param now seconds
   */
  check(now: number): void {
    const { tables, sentTo, heardFrom } = this.#node;
    for (let index = 0; index < tables.nodes.length; index++) {
      const sent = sentTo.take(index);
      const heard = heardFrom.take(index);
      const known = this.#states[index];
      if (tables.nodes[index] === undefined || (known === undefined && sent === 0)) continue;
      const states = known ?? { [PeerMark.Clear]: newState(), [PeerMark.Encrypted]: newState() };
      this.#states[index] = states;
      for (const mark of MARKS) this.#checkOne(index, mark, states[mark], sent, heard, now);
    }
  }

  #checkOne(index: number, mark: PeerMark, state: PeerState, sent: number, heard: number, now: number): void {
    if ((heard & mark) !== 0) {
      if (state.silent) this.#tell(`packets of ${this.#nameOf(index)} arrive again`);
      state.since = undefined;
      state.pings = 0;
      state.silent = false;
      return;
    }
    if (state.since === undefined && (sent & mark) !== 0) state.since = now;
    if (state.since === undefined || state.silent || now - state.since < QUIET_SECONDS) return;
    if (state.pings < PINGS) {
      // Without anything to ping, nobody can tell whether it would answer.
      if (this.#ping(index, mark, state.pings)) state.pings++;
      return;
    }
    state.silent = true;
    const what = mark === PeerMark.Encrypted ? 'IP protocol 50 (ESP)' : `UDP ${this.#node.tables.port}`;
    this.#tell(
      `no packet comes from ${this.#nameOf(index)}, though its gossip does: does a firewall block ${what} between the nodes?`,
    );
  }

  /** Pings one of a node's endpoints from one of this node's. Returns whether there are such endpoints. */
  #ping(index: number, mark: PeerMark, sequence: number): boolean {
    const { tables } = this.#node;
    const isEncrypted = mark === PeerMark.Encrypted;
    const theirs: Endpoint[] = [];
    for (const endpoint of tables.endpoints) {
      if (endpoint?.node !== index || tables.networks[endpoint.network]?.encrypted !== isEncrypted) continue;
      if (endpoint.ip?.length === 4 && this.#ownOn(endpoint.network) !== undefined) theirs.push(endpoint);
    }
    if (theirs.length === 0) return false;
    const to = theirs[sequence % theirs.length];
    const from = this.#ownOn(to.network);
    if (from === undefined) return false;
    this.#node.send(echoRequest(from, to, sequence), to.network);
    return true;
  }

  /** An endpoint of this node that can ping: rather a container, since it has a namespace that drops the answer. */
  #ownOn(network: number): Endpoint | undefined {
    const { tables } = this.#node;
    const own = [...(tables.columns.local[network] ?? [])].map((index) => tables.endpoints[index]);
    const usable = own.filter((endpoint) => endpoint?.ip?.length === 4);
    return usable.find((endpoint) => endpoint?.kind !== EndpointKind.Balancer) ?? usable.at(0);
  }

  #nameOf(index: number): string {
    const node = this.#node.tables.nodes[index];
    return node === undefined ? '' : `node ${node.name} (${formatAddress(node.vtep)})`;
  }
}

function newState(): PeerState {
  return { since: undefined, pings: 0, silent: false };
}
