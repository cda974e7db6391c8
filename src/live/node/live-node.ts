/**
 * A node of an overlay that runs: frames of its endpoints go through `EgressChain` onto the underlay, and packets off the
 * underlay through `IngressChain` to its endpoints.
 *
 *     FramePort -> EgressChain -> Underlay        Underlay -> IngressChain -> FramePort
 *
 * It does nothing by itself: each `turn` takes what waits through.
 */
import type { Aead } from '../../aead/aead.js';
import { Oversize } from '../../dataplane/index.js';
import type { SequenceReservations } from '../../ipsec/index.js';
import { type Arena, PacketBatch } from '../../memory/index.js';
import {
  ChangeKind,
  type ChangePlan,
  diffTopology,
  type Endpoint,
  type HkdfSha256,
  type Network,
  NodeSas,
  type ReadonlyNodeTables,
  type RingOutcome,
  type SaEvent,
  type Topology,
  type TopologyChange,
} from '../../overlay/index.js';
import { EndpointPorts, type EndpointReport } from './endpoint-ports.js';
import { EncryptedVnis } from './encryption-downgrade.js';
import { LiveError } from '../error.js';
import type { FramePort } from '../port/frame-port.js';
import { NodeChains, type NodeCounters, type NodeSinks, type SendingOptions } from './node-chains.js';
import { Poller } from '../system/poller.js';
import type { UnderlayPort } from '../port/underlay-port.js';

/** What encrypted networks need. */
export interface NodeCipher {
  readonly aead: Aead;
  readonly hkdf: HkdfSha256;
  /** Fills an array with cryptographic random bytes. */
  readonly random: (bytes: Uint8Array) => void;
  /** Where sequence numbers are kept across restarts; new masks are drawn at each if not said. */
  readonly reservations?: SequenceReservations;
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
  readonly #ports: EndpointPorts;
  readonly #encrypted = new EncryptedVnis();
  #poller: Poller | undefined;
  readonly #chains: NodeChains;
  readonly #sas: NodeSas | undefined;
  #watched: number;
  /** Whether SAs are still on their way to what the ring and the nodes say. */
  #settling = false;
  /** Whether nodes came or went that the underlay doesn't know of yet. */
  #nodesStale = true;

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
    this.#checkCipher(topology.networks, topology.ring !== undefined);
    this.#sas = this.#sasOf(topology);
    try {
      this.#chains = this.#chainsOf(topology, this.#sas);
      const { tables } = this.#chains;
      this.#ports = new EndpointPorts(tables);
      // What is looked up by id is entered now, and not while packets wait for the first change.
      tables.endpointWithId('');
      tables.watch({
        node: (index, another) => {
          if (another) this.#changePeer(index);
        },
        endpoint: (index) => this.#ports.update(index),
      });
      this.#setNodes();
      this.#arrange();
    } catch (error) {
      // The cipher holds expanded keys by now, and the caller gets no node to close.
      this.#sas?.close();
      throw error;
    }
    this.#encrypted.add(topology.networks);
  }

  /** What it goes by, with indexes that stay the same things': to change it call `apply`. */
  get tables(): ReadonlyNodeTables {
    return this.#chains.tables;
  }

  /** What it goes by, as a config would say it (`NodeTables.topology`). */
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
    return { ...this.#chains.counters, noPort: this.#ports.noPort };
  }

  /**
   * The path MTU of a network on its narrowest way, in bytes of an inner IP packet: what its interfaces are set to. In a
   * network with an IPv6 subnet it is at least 1280, below which Linux turns IPv6 off, unless the config gives it less.
   */
  mtuOf(network: number): number {
    const { pathMtu } = this.#chains.egress;
    const { nodes, node, here, networks } = this.#chains.tables;
    const { mtu, subnets = [] } = networks[network] ?? {};
    let narrowest = Number.POSITIVE_INFINITY;
    for (let other = 0; other < nodes.length; other++) {
      if (other === node || nodes[other]?.vtep.length !== here.vtep.length) continue;
      narrowest = Math.min(narrowest, pathMtu.inner(network, other));
    }
    const least = mtu === undefined && subnets.some(({ address }) => address.length === 16) ? MIN_IPV6_MTU : 0;
    return Math.max(narrowest === Number.POSITIVE_INFINITY ? pathMtu.inner(network, node) : narrowest, least);
  }

  /** The endpoint of this node with a name. */
  endpoint(name: string): Endpoint | undefined {
    return this.#ports.endpoint(name);
  }

  /**
   * Attaches an endpoint; its port is this node's then, and closed with it. One that was attached before goes first.
   * @throws LiveError `BAD_NODE` if this node has no such endpoint
   */
  attach(endpoint: string, port: FramePort): void {
    if (this.#ports.endpoint(endpoint) === undefined) {
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
   * Takes changes over, between two turns: all of them, or none. What they don't concern goes on as it was: learned entries, SAs
   * with their sequence numbers and windows, path MTUs, fragments that wait, counters. Ports of endpoints that this node has no
   * more are closed.
   * @returns what became of the key ring, if they bring one
   * @throws LiveError `BAD_NODE` for what only a restart can change, such as an encrypted network that would be clear;
   * OverlayError `BAD_CHANGE`, `BAD_TABLE`, `KEY_WIPED`: all is as it was then
   */
  apply(changes: readonly TopologyChange[]): RingOutcome | undefined {
    let outcome: RingOutcome | undefined;
    const settling = this.#settling;
    let networks: readonly Network[] = [];
    this.#chains.tables.apply(changes, (plan) => {
      this.#check(plan);
      ({ networks } = plan);
      // Last of what may refuse, and before peers come: they are to have SAs of these keys.
      outcome = this.#takeKeys(plan);
    });
    this.#encrypted.add(networks);
    if (this.#nodesStale) this.#setNodes();
    if (this.#ports.stale) this.#arrange();
    if (this.#settling && !settling && this.#sas !== undefined) {
      this.#settle(this.#sas, STEPS_AT_ONCE, this.#options.clock());
    }
    return outcome;
  }

  /**
   * Takes another topology over: what differs is applied as changes.
   * @returns what became of the key ring, if the topology has one
   * @throws as `apply`
   */
  update(topology: Topology): RingOutcome | undefined {
    const before = this.#chains.tables;
    const name = this.#options.node;
    const there = topology.nodes.find((node) => node.name === name);
    if (there === undefined) throw new LiveError('BAD_NODE', `there is no node ${name} any more`);
    const changed =
      formatted(before.here.vtep) !== formatted(there.vtep)
        ? "the node's VTEP address"
        : before.port !== topology.port
          ? 'the UDP port'
          : before.profile !== topology.profile
            ? 'the profile'
            : undefined;
    if (changed !== undefined) throw new LiveError('BAD_NODE', `${changed} changed, which takes a restart`);
    this.#checkCipher(topology.networks, topology.ring !== undefined);
    return this.apply(diffTopology(before.topology, topology));
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

  #receive(index?: number): number {
    const packets = this.#packets;
    const datagrams = this.#datagrams;
    const count = this.#options.underlay.receive(packets, datagrams, index);
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

  /** Brings up to date which ports frames come from, and what is polled. */
  #arrange(): void {
    this.#ports.arrange();
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

  /** Refuses changes that take a restart. */
  #check(plan: ChangePlan): void {
    const { here } = this.#chains.tables;
    for (const change of plan.changes) {
      const own = change.kind === ChangeKind.ChangeNode && formatted(change.node.vtep) === formatted(here.vtep);
      if (own && change.node.name !== here.name) {
        throw new LiveError('BAD_NODE', "the node's name changed, which takes a restart");
      }
    }
    const downgrade = this.#encrypted.downgradeIn(this.#chains.tables, plan);
    if (downgrade !== undefined) throw new LiveError('BAD_NODE', `${downgrade}; this takes a restart`);
    const held = this.#sas !== undefined && this.#sas.tags.length > 0;
    this.#checkCipher(plan.networks, held || plan.changes.some(({ kind }) => kind === ChangeKind.SetKeys));
  }

  /** An encrypted network isn't served without what it needs: it would be dropped whole. */
  #checkCipher(networks: readonly Network[], keys: boolean): void {
    if (!networks.some(({ encrypted }) => encrypted)) return;
    const { cipher, underlay } = this.#options;
    if (cipher === undefined || !keys) {
      throw new LiveError('BAD_NODE', 'a network is encrypted, and there were no keys at the start or are none now');
    }
    if (underlay.carriesEsp) return;
    const text = `a network is encrypted, and ESP needs raw sockets, which the ${underlay.name} is not: run it as root`;
    throw new LiveError('NOT_PERMITTED', text);
  }

  #chainsOf(topology: Topology, sas: NodeSas | undefined): NodeChains {
    const { node, arena, cipher, underlay, oversize, clampMss, random } = this.#options;
    const keys = sas === undefined || cipher === undefined ? {} : { aead: cipher.aead, sas };
    const sending = {
      ...(oversize === undefined ? {} : { oversize }),
      ...(clampMss === undefined ? {} : { clampMss }),
      ...(random === undefined ? {} : { random }),
      // Without raw sockets a UDP socket sends, of which every packet is a whole datagram.
      kernelFragments: !underlay.carriesEsp,
    };
    return new NodeChains(topology, node, arena, this.#sinks, keys, sending);
  }

  #sasOf(topology: Topology): NodeSas | undefined {
    const { cipher, node, clock, onSaEvent } = this.#options;
    const index = topology.nodes.findIndex(({ name }) => name === node);
    if (cipher === undefined || index < 0) return undefined;
    const { aead, ...rest } = cipher;
    const told = onSaEvent === undefined ? {} : { onEvent: onSaEvent };
    return NodeSas.ofTopology(topology, index, aead, { ...rest, ...told, now: clock() });
  }

  /** Takes the rings of changes over; the steps are taken as others are. */
  #takeKeys({ changes }: ChangePlan): RingOutcome | undefined {
    let outcome: RingOutcome | undefined;
    for (const change of changes) {
      if (change.kind !== ChangeKind.SetKeys || this.#sas === undefined) continue;
      outcome = this.#sas.update(change.ring, this.#options.clock());
      this.#settling = true;
    }
    return outcome;
  }

  /** Gives SAs with the node that has an index now, and with none that had it before. */
  #changePeer(index: number): void {
    const { nodes, node } = this.#chains.tables;
    const vtep = nodes[index]?.vtep;
    this.#nodesStale = true;
    if (this.#sas === undefined) return;
    this.#sas.removePeer(index);
    if (vtep !== undefined && index !== node) this.#sas.addPeer(index, vtep);
    this.#settling = true;
  }

  #setNodes(): void {
    this.#options.underlay.setNodes(this.#chains.tables.nodes.map((node) => node?.vtep));
    this.#nodesStale = false;
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
