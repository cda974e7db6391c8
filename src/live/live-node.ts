/**
 * A node of an overlay that runs: frames of its endpoints go through `EgressChain` onto the underlay, and packets off the
 * underlay through `IngressChain` to its endpoints.
 *
 *     FramePort -> EgressChain -> Underlay        Underlay -> IngressChain -> FramePort
 *
 * It does nothing by itself: each `turn` takes what waits through.
 */
import type { Aead } from '../aead/aead.js';
import { type Identifications, Oversize } from '../dataplane/index.js';
import type { SequenceLedger } from '../ipsec/index.js';
import { type Arena, PacketBatch } from '../memory/index.js';
import {
  type HkdfSha256,
  NodeSas,
  NodeTables,
  type RingOutcome,
  type SaEvent,
  type Topology,
} from '../overlay/index.js';
import { EndpointPorts, type EndpointReport } from './endpoint-ports.js';
import { EncryptedVnis } from './encryption-downgrade.js';
import { LiveError } from './error.js';
import type { FramePort } from './frame-port.js';
import { addCounters, NodeChains, type NodeCounters, type NodeSinks, type SendingOptions } from './node-chains.js';
import { Poller } from './poller.js';
import type { UnderlayPort } from './underlay-port.js';

/** What encrypted networks need. */
export interface NodeCipher {
  readonly aead: Aead;
  readonly hkdf: HkdfSha256;
  /** Fills an array with cryptographic random bytes. */
  readonly random: (bytes: Uint8Array) => void;
  /** Where sequence numbers are kept across restarts; new masks are drawn at each if not said. */
  readonly ledger?: SequenceLedger;
}

/** How a node runs. */
export interface LiveNodeOptions extends SendingOptions {
  readonly topology: Topology;
  /** The node's name in it. */
  readonly node: string;
  readonly underlay: UnderlayPort;
  /** Where all its packets stand; that of the underlay. */
  readonly arena: Arena;
  readonly cipher?: NodeCipher;
  /** Seconds, never going back: for timeouts and lifetimes. */
  readonly clock: () => number;
  /** Told what is about to end, or has ended, of its SAs. */
  readonly onSaEvent?: (event: SaEvent) => void;
}

/** What a node did. */
export interface LiveNodeCounters extends NodeCounters {
  /** Frames for endpoints that have no port. */
  readonly noPort: number;
}

/** Readings in a turn of what is ready: others are served between turns. */
const ROUNDS = 4;
/** Seconds between two looks at the SAs. */
const SA_WATCH = 1;
/** Steps of SAs that are taken before a config counts as taken over: with three keys, those of 128 new peers. */
const STEPS_AT_ONCE = 512;
/** Further steps of each turn. */
const STEPS_A_TURN = 64;
/** The least MTU of a link that carries IPv6 (RFC 8200 section 5). */
const MIN_IPV6_MTU = 1280;

/** A node. */
export class LiveNode {
  readonly #options: LiveNodeOptions;
  readonly #frames: PacketBatch;
  readonly #packets: PacketBatch;
  readonly #datagrams: PacketBatch;
  readonly #sinks: NodeSinks;
  readonly #ports = new EndpointPorts();
  readonly #encrypted = new EncryptedVnis();
  #poller: Poller | undefined;
  #chains: NodeChains;
  #sas: NodeSas | undefined;
  #retired: NodeCounters | undefined;
  #watched: number;
  /** Whether SAs are still on their way to what the ring and the nodes say. */
  #settling = false;

  /**
   * @throws OverlayError `BAD_CONFIG`; LiveError `BAD_NODE`, `NOT_PERMITTED` if encrypted networks or outer fragments lack
   * what they need
   */
  constructor(options: LiveNodeOptions) {
    this.#options = options;
    const { topology, arena, underlay } = options;
    this.#frames = new PacketBatch(arena);
    this.#packets = new PacketBatch(arena);
    this.#datagrams = new PacketBatch(arena);
    this.#sinks = {
      wire: (batch) => underlay.send(batch),
      frames: (batch) => this.#ports.handOver(batch),
    };
    this.#watched = options.clock();
    this.#checkOversize();
    this.#checkCipher(topology);
    this.#sas = this.#sasOf(topology);
    try {
      this.#chains = this.#chainsOf(topology, this.#sas);
      underlay.setNodes(topology.nodes.map(({ vtep }) => vtep));
      this.#arrange();
    } catch (error) {
      // The cipher holds expanded keys by now, and the caller gets no node to close.
      this.#sas?.close();
      throw error;
    }
    this.#encrypted.add(topology);
  }

  /** What it goes by. */
  get topology(): Topology {
    return this.#chains.tables.topology;
  }

  /** Ports by endpoint. */
  get ports(): ReadonlyMap<string, FramePort> {
    return this.#ports.byName;
  }

  /** What each endpoint sent and was given, by all ports that it has had; of those that are gone the latest 4,096. */
  get endpointReports(): ReadonlyMap<string, EndpointReport> {
    return this.#ports.reports;
  }

  /** Entries of the forwarding table. */
  get forwardingEntries(): number {
    return this.#chains.tables.forwarding.size;
  }

  /** The SAs, if it has any. */
  get sas(): NodeSas | undefined {
    return this.#sas;
  }

  get counters(): LiveNodeCounters {
    const now = this.#chains.counters;
    const sum = this.#retired === undefined ? now : addCounters(this.#retired, now);
    return { ...sum, noPort: this.#ports.noPort };
  }

  /**
   * The path MTU of a network on its narrowest way, in bytes of an inner IP packet: what its interfaces are set to. In a
   * network with an IPv6 subnet it is at least 1280, below which Linux turns IPv6 off, unless the config gives it less.
   */
  mtuOf(network: number): number {
    const { pathMtu } = this.#chains.egress;
    const { nodes } = this.topology;
    const { node } = this.#chains.tables;
    const others = [...nodes.keys()].filter(
      (place) => place !== node && nodes[place].vtep.length === nodes[node].vtep.length,
    );
    const { mtu, subnets } = this.topology.networks[network];
    const least = mtu === undefined && subnets.some(({ address }) => address.length === 16) ? MIN_IPV6_MTU : 0;
    const narrowest = Math.min(...(others.length > 0 ? others : [node]).map((place) => pathMtu.inner(network, place)));
    return Math.max(narrowest, least);
  }

  /**
   * Attaches an endpoint; its port is this node's then, and closed with it. One that was attached before goes first.
   * @throws LiveError `BAD_NODE` if this node has no such endpoint
   */
  attach(endpoint: string, port: FramePort): void {
    const { topology, node } = this.#chains.tables;
    if (!topology.endpoints.some(({ name, node: home }) => name === endpoint && home === node)) {
      throw new LiveError('BAD_NODE', `this node has no endpoint ${endpoint}`);
    }
    this.#ports.attach(endpoint, port);
    this.#arrange();
  }

  /** Closes an endpoint's port; one that has none is let be. */
  detach(endpoint: string): void {
    this.#ports.detach(endpoint);
    this.#arrange();
  }

  /**
   * Takes another topology over, between two turns: SAs with nodes that stay go on, and what was learned is forgotten.
   * Ports of endpoints that this node has no more are closed.
   * @returns what became of the key ring, where both have one
   * @throws LiveError `BAD_NODE` for what only a restart can change, such as an encrypted network that would be clear;
   * OverlayError: all is as it was then
   */
  update(topology: Topology): RingOutcome | undefined {
    const before = this.topology;
    const name = this.#options.node;
    const here = before.nodes[this.#chains.tables.node];
    const there = topology.nodes.find((node) => node.name === name);
    if (there === undefined) throw new LiveError('BAD_NODE', `there is no node ${name} any more`);
    const changed =
      formatted(here.vtep) !== formatted(there.vtep)
        ? "the node's VTEP address"
        : before.port !== topology.port
          ? 'the UDP port'
          : before.profile !== topology.profile
            ? 'the profile'
            : undefined;
    if (changed !== undefined) throw new LiveError('BAD_NODE', `${changed} changed, which takes a restart`);
    const downgrade = this.#encrypted.downgradeIn(before, topology);
    if (downgrade !== undefined) throw new LiveError('BAD_NODE', `${downgrade}; this takes a restart`);
    this.#checkCipher(topology);
    const held = this.#sas;
    // Whatever is wrong with it shows before a key is expanded; with SAs there already, when the chains are made.
    if (held === undefined) new NodeTables(topology, name);
    const sas = held ?? this.#sasOf(topology);
    let chains: NodeChains;
    let outcome: RingOutcome | undefined;
    try {
      chains = this.#chainsOf(topology, sas, this.#chains.egress.identifications);
      outcome = held === undefined ? undefined : this.#moveSas(held, before, topology);
    } catch (error) {
      if (held === undefined) sas?.close();
      throw error;
    }
    this.#sas = sas;
    this.#encrypted.add(topology);
    const retired = this.#chains.retire();
    this.#retired = this.#retired === undefined ? retired : addCounters(this.#retired, retired);
    this.#chains = chains;
    this.#options.underlay.setNodes(topology.nodes.map(({ vtep }) => vtep));
    const { node } = chains.tables;
    const stay = new Set(topology.endpoints.filter(({ node: home }) => home === node).map((endpoint) => endpoint.name));
    for (const endpoint of [...this.ports.keys()]) if (!stay.has(endpoint)) this.#ports.detach(endpoint);
    this.#arrange();
    return outcome;
  }

  /**
   * Takes through what waits.
   * @param milliseconds to wait for something at the most, in which this thread is blocked; 0: none
   * @returns whether there was anything
   * @throws LiveError if the underlay is of no use any more
   */
  turn(milliseconds: number): boolean {
    const poller = this.#poller;
    const { underlay } = this.#options;
    const now = this.#options.clock();
    if (now - this.#watched >= SA_WATCH) {
      this.#watched = now;
      this.#sas?.poll(now);
    }
    if (this.#settling && this.#sas !== undefined) this.#settle(this.#sas, STEPS_A_TURN, now);
    const { sources, networks } = this.#ports;
    const { pending } = this.#ports;
    const waits = !pending && !this.#settling;
    if (poller !== undefined && !poller.wait(waits ? milliseconds : 0) && !pending) return this.#settling;
    const sockets = underlay.descriptors.length;
    let any = this.#settling;
    for (let round = 0; round < ROUNDS; round++) {
      let count = 0;
      if (poller === undefined) count += this.#receive();
      for (let i = 0; i < sockets; i++) if (poller?.isReady(i) === true) count += this.#receive(i);
      for (let i = 0; i < sources.length; i++) {
        const ready = poller === undefined || poller.isReady(sockets + i) || sources[i].pending === true;
        if (ready) count += this.#send(sources[i], networks[i]);
      }
      if (count === 0) break;
      any = true;
    }
    return any;
  }

  /** Whether `turn` waits for packets, or has to be called now and then. */
  get waits(): boolean {
    return this.#poller !== undefined;
  }

  /** Closes ports and underlay, and wipes the keys. */
  close(): void {
    for (const endpoint of [...this.ports.keys()]) this.#ports.detach(endpoint);
    this.#options.underlay.close();
    this.#sas?.close();
  }

  #receive(place?: number): number {
    const packets = this.#packets;
    const datagrams = this.#datagrams;
    const count = this.#options.underlay.receive(packets, datagrams, place);
    if (count === 0) return 0;
    const now = this.#options.clock();
    const { ingress } = this.#chains;
    if (packets.count > 0) ingress.run(packets, now);
    if (datagrams.count > 0) ingress.runDatagrams(datagrams, now);
    return count;
  }

  #send(port: FramePort, network: number): number {
    const batch = this.#frames;
    const count = port.receive(batch, network);
    if (count > 0) this.#chains.egress.run(batch, this.#options.clock());
    return count;
  }

  /** Brings the places of ports up to date, and what is polled. */
  #arrange(): void {
    const { topology, node } = this.#chains.tables;
    this.#ports.arrange(topology, node);
    const { descriptors: sockets } = this.#options.underlay;
    const descriptors = [...sockets, ...this.#ports.sources.map(({ descriptor }) => descriptor)];
    const polled = sockets.length > 0 && descriptors.every((descriptor) => descriptor >= 0);
    this.#poller = polled ? new Poller(descriptors) : undefined;
  }

  /** A UDP socket sends whole datagrams alone: of a fragment it would make one of its own. */
  #checkOversize(): void {
    const { oversize, underlay } = this.#options;
    if (oversize !== Oversize.Outside || underlay.carriesEsp) return;
    const text = `outer fragments need raw sockets, which the ${underlay.name} is not: run it as root`;
    throw new LiveError('NOT_PERMITTED', text);
  }

  /** An encrypted network isn't served without what it needs: it would be dropped whole. */
  #checkCipher(topology: Topology): void {
    if (!topology.networks.some(({ encrypted }) => encrypted)) return;
    const { cipher, underlay } = this.#options;
    if (cipher === undefined || topology.ring === undefined) {
      throw new LiveError('BAD_NODE', 'a network is encrypted, and there were no keys at the start or are none now');
    }
    if (underlay.carriesEsp) return;
    const text = `a network is encrypted, and ESP needs raw sockets, which the ${underlay.name} is not: run it as root`;
    throw new LiveError('NOT_PERMITTED', text);
  }

  #chainsOf(topology: Topology, sas: NodeSas | undefined, identifications?: Identifications): NodeChains {
    const { node, arena, cipher, underlay, oversize, clampMss, random } = this.#options;
    const keys = sas === undefined || cipher === undefined ? {} : { aead: cipher.aead, sas };
    const sending = {
      ...(oversize === undefined ? {} : { oversize }),
      ...(clampMss === undefined ? {} : { clampMss }),
      ...(random === undefined ? {} : { random }),
      ...(identifications === undefined ? {} : { identifications }),
      // Without raw sockets a UDP socket sends, of which every packet is a whole datagram.
      kernelFragments: !underlay.carriesEsp,
    };
    return new NodeChains(topology, node, arena, this.#sinks, keys, sending);
  }

  #sasOf(topology: Topology): NodeSas | undefined {
    const { cipher, node, clock, onSaEvent } = this.#options;
    const place = topology.nodes.findIndex(({ name }) => name === node);
    if (cipher === undefined || topology.ring === undefined || place < 0) return undefined;
    const { aead, ...rest } = cipher;
    const told = onSaEvent === undefined ? {} : { onEvent: onSaEvent };
    return NodeSas.ofTopology(topology, place, aead, { ...rest, ...told, now: clock() });
  }

  /** Gives the peers the numbers that they have in another topology: those that stay go on where they stood. */
  #moveSas(sas: NodeSas, before: Topology, after: Topology): RingOutcome | undefined {
    const now = this.#options.clock();
    const own = this.#options.node;
    const same = (place: number): boolean => {
      const [a, b] = [before.nodes[place], after.nodes[place]] as (Topology['nodes'][number] | undefined)[];
      return a !== undefined && b !== undefined && formatted(a.vtep) === formatted(b.vtep) && a.name !== own;
    };
    // First of all, as it alone can fail: a ring that was wiped.
    const outcome = after.ring === undefined ? undefined : sas.update(after.ring, now);
    before.nodes.forEach((_, place) => {
      if (!same(place)) sas.removePeer(place);
    });
    after.nodes.forEach(({ vtep, name }, place) => {
      if (!same(place) && name !== own) sas.addPeer(place, vtep);
    });
    this.#settling = true;
    this.#settle(sas, STEPS_AT_ONCE, now);
    return outcome;
  }

  /** Takes some steps of a rotation, or of peers that came: thousands of peers would keep packets waiting for seconds. */
  #settle(sas: NodeSas, most: number, now: number): void {
    for (let steps = 0; steps < most; steps++) {
      if (sas.step(now) !== undefined) continue;
      // The last has been taken: what is left is to have sequence numbers written down.
      sas.settle(now);
      this.#settling = false;
      return;
    }
  }
}

function formatted(address: Uint8Array): string {
  return address.join('.');
}
