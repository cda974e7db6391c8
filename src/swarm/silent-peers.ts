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
/** Longest such time, for a node that has been silent before without being cut off. */
const LONGEST_QUIET_SECONDS = 300;
const QUIET_FACTOR = 4;
/** Seconds that an endpoint has been known before it is pinged: its interface may not be up yet. */
const KNOWN_SECONDS = 5;
/** Pings without an answer, one per check, before a node is reported. */
const PINGS = 6;
/** Nodes remembered that left while they were silent; with more, those that left first are forgotten. */
const MAX_ABSENT = 32;
const MARKS = [PeerMark.Clear, PeerMark.Encrypted] as const;

/** How it stands with a node, by one kind of packets. */
interface PeerState {
  /** Since when packets have been sent without any in return, in seconds. */
  since: number | undefined;
  pings: number;
  silent: boolean;
  /** While it is silent: how the report named it. */
  name: string;
  /** After how many seconds without packets it is pinged. */
  quietSeconds: number;
}

/** An endpoint of another node, and one of this node that can ping it. */
interface Target {
  readonly from: Endpoint;
  readonly to: Endpoint;
}

/** Watches the nodes of a running node's tables. */
export class SilentPeers {
  readonly #node: LiveNode;
  readonly #tell: (text: string) => void;
  readonly #isAlive: (node: Node) => boolean;
  /** When endpoints were learned, in seconds, by index. */
  readonly #learnedAt: number[] = [];
  #now = -Infinity;
  /** By node and mark. */
  readonly #states: (Record<PeerMark, PeerState> | undefined)[] = [];
  /** Nodes that left while they were silent, by mark and name: whoever read of that is told when it is over. */
  readonly #absent = new Set<string>();
  /** By node; made in a check that pings. */
  #targets: ReadonlyMap<number, readonly Target[]> | undefined;

  /** @param isAlive whether gossip says that a node is alive, and nobody suspects it */
  constructor(node: LiveNode, tell: (text: string) => void, isAlive: (node: Node) => boolean) {
    this.#node = node;
    this.#tell = tell;
    this.#isAlive = isAlive;
    node.tables.watch({
      node: (index, another) => {
        if (another) this.#forget(index);
      },
      endpoint: (index, another) => {
        if (another) this.#learnedAt[index] = this.#now;
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
    this.#now = now;
    const { tables, sentTo, heardFrom } = this.#node;
    this.#targets = undefined;
    for (let index = 0; index < tables.nodes.length; index++) {
      const sent = sentTo.take(index);
      const heard = heardFrom.take(index);
      const known = this.#states[index];
      if (heard !== 0 && this.#absent.size > 0) this.#returned(index, heard);
      if (tables.nodes[index] === undefined || (known === undefined && sent === 0)) continue;
      const states = known ?? { [PeerMark.Clear]: newState(), [PeerMark.Encrypted]: newState() };
      this.#states[index] = states;
      for (const mark of MARKS) this.#checkOne(index, mark, states[mark], sent, heard, now);
    }
  }

  #checkOne(index: number, mark: PeerMark, state: PeerState, sent: number, heard: number, now: number): void {
    if ((heard & mark) !== 0) {
      if (state.silent) {
        this.#tell(`packets of ${this.#nameOf(index)} arrive again`);
        // Its containers may just not answer pings, and have had nothing to send.
        state.quietSeconds = Math.min(QUIET_FACTOR * state.quietSeconds, LONGEST_QUIET_SECONDS);
      }
      state.since = undefined;
      state.pings = 0;
      state.silent = false;
      return;
    }
    if (state.since === undefined && (sent & mark) !== 0) state.since = now;
    if (state.since === undefined || state.silent || now - state.since < state.quietSeconds) return;
    if (state.pings < PINGS) {
      // Without anything to ping, nobody can tell whether it would answer.
      if (this.#ping(index, mark, state.pings)) state.pings++;
      return;
    }
    const node = this.#node.tables.nodes[index];
    if (node === undefined || !this.#isAlive(node)) return;
    state.silent = true;
    state.name = this.#nameOf(index);
    // It has left and come back meanwhile.
    if (this.#absent.delete(absentKey(mark, state.name))) return;
    const what = mark === PeerMark.Encrypted ? 'IP protocol 50 (ESP)' : `UDP ${this.#node.tables.port}`;
    this.#tell(
      `no packet comes from ${state.name}, though its gossip does: is ${what} open between the nodes, in both directions?`,
    );
  }

  /** An index is another node's now, or nobody's. */
  #forget(index: number): void {
    const states = this.#states[index];
    this.#states[index] = undefined;
    for (const mark of MARKS) {
      if (states?.[mark].silent !== true) continue;
      const [oldest] = this.#absent;
      if (this.#absent.size >= MAX_ABSENT) this.#absent.delete(oldest);
      this.#absent.add(absentKey(mark, states[mark].name));
    }
  }

  /** Packets of a node arrive. */
  #returned(index: number, heard: number): void {
    const name = this.#nameOf(index);
    for (const mark of MARKS) {
      if ((heard & mark) !== 0 && this.#absent.delete(absentKey(mark, name)))
        this.#tell(`packets of ${name} arrive again`);
    }
  }

  /** Pings one of a node's endpoints from one of this node's. Returns whether there are such endpoints. */
  #ping(index: number, mark: PeerMark, sequence: number): boolean {
    const { tables } = this.#node;
    const isEncrypted = mark === PeerMark.Encrypted;
    this.#targets ??= this.#findTargets();
    const theirs = (this.#targets.get(index) ?? []).filter(
      ({ to }) => tables.networks[to.network]?.encrypted === isEncrypted,
    );
    if (theirs.length === 0) return false;
    const { from, to } = theirs[sequence % theirs.length];
    this.#node.send(echoRequest(from, to, sequence), to.network);
    return true;
  }

  /** Whom each node can be pinged at, in one pass: others can announce thousands of nodes and endpoints. */
  #findTargets(): ReadonlyMap<number, readonly Target[]> {
    const { tables } = this.#node;
    const own = tables.networks.map((network, index) => (network === undefined ? undefined : this.#ownOn(index)));
    const targets = new Map<number, Target[]>();
    for (const [at, to] of tables.endpoints.entries()) {
      if (this.#now - (this.#learnedAt.at(at) ?? -Infinity) < KNOWN_SECONDS) continue;
      const from = to === undefined ? undefined : own[to.network];
      if (to?.ip?.length !== 4 || from === undefined) continue;
      const known = targets.get(to.node);
      if (known === undefined) targets.set(to.node, [{ from, to }]);
      else known.push({ from, to });
    }
    return targets;
  }

  /** An endpoint of this node that can ping: rather a container, since it has a namespace that drops the answer. */
  #ownOn(network: number): Endpoint | undefined {
    const { tables, ports } = this.#node;
    const own = [...(tables.columns.local[network] ?? [])].map((index) => tables.endpoints[index]);
    const usable = own.filter(
      (endpoint) =>
        endpoint?.ip?.length === 4 &&
        (endpoint.kind === EndpointKind.Balancer || ports.has(endpoint.id ?? endpoint.name)),
    );
    return usable.find((endpoint) => endpoint?.kind !== EndpointKind.Balancer) ?? usable.at(0);
  }

  #nameOf(index: number): string {
    const node = this.#node.tables.nodes[index];
    return node === undefined ? '' : `node ${node.name} (${formatAddress(node.vtep)})`;
  }
}

function absentKey(mark: PeerMark, name: string): string {
  return `${mark} ${name}`;
}

function newState(): PeerState {
  return { since: undefined, pings: 0, silent: false, name: '', quietSeconds: QUIET_SECONDS };
}
