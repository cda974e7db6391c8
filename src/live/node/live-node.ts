/**
 * A running overlay node: frames from its endpoints go through `EgressChain` to the underlay, and packets from the
 * underlay through `IngressChain` to its endpoints.
 *
 *     FramePort -> EgressChain -> Underlay        Underlay -> IngressChain -> FramePort
 *
 * It is passive: each `turn` processes the packets that are waiting.
 */
import { DropReason, type PeerMarks } from '../../dataplane/index.js';
import { PacketBatch } from '../../memory/index.js';
import {
  ChangeKind,
  type ChangePlan,
  diffTopology,
  type Endpoint,
  type Network,
  NodeSas,
  type ReadonlyNodeTables,
  type RingOutcome,
  type Topology,
  type TopologyChange,
} from '../../overlay/index.js';
import { EndpointPorts, type EndpointReport } from './endpoint-ports.js';
import { EncryptedVnis } from './encryption-downgrade.js';
import { LiveError } from '../error.js';
import type { FramePort } from '../port/frame-port.js';
import { NodeChains, type NodeSinks } from './node-chains.js';
import { checkCipher, checkName, checkOversize, checkReplacement, checkShared } from './node-requirements.js';
import type { LiveNodeCounters, LiveNodeOptions } from './live-node-options.js';
import { NodeParts } from './node-parts.js';
import type { LivePart } from '../port/live-part.js';
import { Poller } from '../system/poller.js';

/** Maximum reads per turn from ports and sockets that are ready; others are served between turns. */
const ROUNDS = 4;
/** Maximum reads per round from a port of code, such as a load balancer. */
const DRAINS = 4;
/** Seconds after which a turn ends though packets keep arriving, for timers and signals. */
const TURN_SECONDS = 0.001;
/** The same in rounds of packets, in case the clock stands still. */
const MOVES = 64;
/** Most polls in a row for a packet that doesn't come, in case the clock stands still. */
const IDLE_POLLS = 4096;
/** Seconds between polls of the SAs. */
const SA_WATCH = 1;
/** SA steps taken before `apply` returns: with three keys, enough for 128 new peers. */
const STEPS_AT_ONCE = 512;
/** SA steps per turn after that. */
const STEPS_A_TURN = 64;
/** Minimum link MTU of IPv6 (RFC 8200 section 5). */
const MIN_IPV6_MTU = 1280;

/** A node. */
export class LiveNode {
  readonly #options: LiveNodeOptions;
  readonly #frames: PacketBatch;
  readonly #packets: PacketBatch;
  readonly #datagrams: PacketBatch;
  readonly #sinks: NodeSinks;
  readonly #ports: EndpointPorts;
  readonly #parts: NodeParts;
  readonly #encrypted = new EncryptedVnis();
  #poller: Poller | undefined;
  readonly #chains: NodeChains;
  readonly #sas: NodeSas | undefined;
  #watched: number;
  /** Whether SAs haven't caught up with the key ring and the nodes yet. */
  #settling = false;
  #mayHaveMore = false;
  /** Whether peers have SAs: from the first encrypted network on, as making those of 1,000 peers takes 0.4 s. */
  #securing: boolean;
  /** Whether the underlay segments frames of clear networks. */
  readonly #takesLarge: boolean;
  /** Whether the underlay hasn't been updated with added or removed nodes yet. */
  #nodesStale = true;

  /**
   * @throws OverlayError `BAD_CONFIG`; LiveError `BAD_NODE`, `NOT_PERMITTED` if encrypted networks or outer fragments
   * lack a requirement
   */
  constructor(options: LiveNodeOptions) {
    this.#options = options;
    const { topology, arena, underlay } = options;
    this.#frames = new PacketBatch(arena);
    this.#packets = new PacketBatch(arena);
    this.#datagrams = new PacketBatch(arena);
    this.#sinks = {
      wire: (batch) => underlay.send(batch),
      ...(underlay.sendDatagrams === undefined ? {} : { datagrams: (batch) => underlay.sendDatagrams?.(batch) }),
      frames: (batch) => this.#ports.deliver(batch),
    };
    this.#takesLarge = underlay.sendDatagrams !== undefined;
    this.#watched = options.clock();
    this.#parts = new NodeParts(options.parts);
    checkOversize(options.oversize, underlay);
    this.#checkCipher(topology.networks, topology.ring !== undefined);
    if (options.share !== undefined) checkShared(topology.networks);
    this.#securing = isAnyEncrypted(topology.networks);
    this.#sas = this.#sasOf(topology);
    try {
      this.#chains = this.#chainsOf(topology, this.#sas);
      const { tables } = this.#chains;
      // Builds the id index now, not while packets wait for the first change. It may give endpoints ids.
      tables.endpointWithId('');
      this.#ports = new EndpointPorts(tables, (network) => this.mtuOf(network));
      tables.watch({
        node: (index, another) => {
          if (another) this.#changePeer(index);
        },
        endpoint: (index) => this.#ports.update(index),
      });
      this.#setNodes();
      this.#arrange();
    } catch (error) {
      // The cipher already holds expanded keys, and the caller gets no node to close.
      this.#sas?.close();
      throw error;
    }
    this.#encrypted.add(topology.networks);
  }

  /** The node's tables, with stable indices; use `apply` to change them. */
  get tables(): ReadonlyNodeTables {
    return this.#chains.tables;
  }

  /** The node's topology, as a config describes it (`NodeTables.topology`). */
  get topology(): Topology {
    return this.#chains.tables.topology;
  }

  /** Ports by the endpoint's id, which is its name unless it has another. */
  get ports(): ReadonlyMap<string, FramePort> {
    return this.#ports.byId;
  }

  /** How often an endpoint has got or lost a port so far. */
  get portChanges(): number {
    return this.#ports.changes;
  }

  /** Counters of each endpoint over all its ports, including the latest 4,096 endpoints that no longer have one. */
  get endpointReports(): ReadonlyMap<string, EndpointReport> {
    return this.#ports.reports;
  }

  /** Number of forwarding-table entries. */
  get forwardingEntries(): number {
    return this.#chains.tables.forwarding.size;
  }

  /** The nodes that packets were sent to. One reader may take its marks. */
  get sentTo(): PeerMarks {
    return this.#chains.egress.sentTo;
  }

  /** The nodes that valid packets came from. One reader may take its marks. */
  get heardFrom(): PeerMarks {
    return this.#chains.ingress.heardFrom;
  }

  /** The SAs, if it has any. */
  get sas(): NodeSas | undefined {
    return this.#sas;
  }

  get counters(): LiveNodeCounters {
    return { ...this.#chains.counters, noPort: this.#ports.noPort };
  }

  /**
   * A network's smallest path MTU, in bytes of an inner IP packet: the MTU of its interfaces. At least 1280 in a
   * network with an IPv6 subnet, since Linux disables IPv6 below that, unless the config sets a lower one.
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

  /** The endpoint of this node with an id. */
  endpoint(id: string): Endpoint | undefined {
    return this.#ports.endpoint(id);
  }

  /**
   * Attaches an endpoint's port, which the node then owns and closes. An endpoint's previous port is closed.
   * @param endpoint its id
   * @throws LiveError `BAD_NODE` if this node has no such endpoint
   */
  attach(endpoint: string, port: FramePort): void {
    if (this.#ports.endpoint(endpoint) === undefined) {
      throw new LiveError('BAD_NODE', `this node has no endpoint ${endpoint}`);
    }
    this.#ports.attach(endpoint, port);
    this.#arrange();
  }

  /** Closes an endpoint's port, if any. */
  detach(endpoint: string): void {
    this.#ports.detach(endpoint);
    this.#arrange();
  }

  /**
   * Sends a frame as if an endpoint of this node had sent it. Call it between two turns.
   * @param frame its source MAC is that of an endpoint of this node
   * @param network index of its network
   * @returns false if there is no room for it
   */
  send(frame: Uint8Array, network: number): boolean {
    const batch = this.#frames;
    if (batch.copyIn(frame, 0, frame.length, network) < 0) return false;
    this.#forward(batch, network);
    return true;
  }

  /**
   * Sends frames that another worker read from an endpoint of this node, or counts them as dropped. Call it between two
   * turns, or in a part's.
   * @param batch frames with their `network`, -1 if it is gone; empty afterwards
   */
  sendFrames(batch: PacketBatch): void {
    this.#chains.egress.run(batch, this.#options.clock());
  }

  /**
   * Delivers frames that another worker received for endpoints of this node. Call it between two turns, or in a part's.
   * @param batch frames with their `endpoint`; empty afterwards
   */
  deliverFrames(batch: PacketBatch): void {
    this.#ports.deliver(batch);
    batch.clear();
  }

  /** Counts a frame that another worker read from an endpoint, and that this one has no room for. */
  refuseOutbound(): void {
    this.#chains.egress.refuse(DropReason.NoMemory);
  }

  /** Counts a frame for an endpoint that this node no longer has. */
  refuseFrame(): void {
    this.#ports.noPort++;
  }

  /**
   * Records the path MTU to a node that another worker has learned.
   * @param vtep the node's VTEP address; an unknown one is ignored
   * @param mtu bytes of an IP packet
   */
  learnPathMtu(vtep: Uint8Array, mtu: number): void {
    const node = this.tables.nodeOf(vtep.length === 4 ? 4 : 6, vtep, 0);
    if (node >= 0) this.#chains.egress.pathMtu.learn(node, mtu, this.#options.clock());
  }

  /** Gives a part its turns from now on. The caller closes it, after `removePart`. */
  addPart(part: LivePart): void {
    this.#parts.add(part);
    this.#arrange();
  }

  /** Gives a part no more turns. */
  removePart(part: LivePart): void {
    this.#parts.remove(part);
    this.#arrange();
  }

  /**
   * Applies changes between two turns: all of them, or none. Unaffected state is kept: learned entries, SAs with their
   * sequence numbers and windows, path MTUs, held fragments, counters. Ports of endpoints that leave this node are
   * closed.
   * @returns the outcome for the key ring, if changed
   * @throws LiveError `BAD_NODE` for changes that require a restart, such as disabling encryption; OverlayError
   * `BAD_CHANGE`, `BAD_TABLE`, `KEY_WIPED`: nothing has changed then
   */
  apply(changes: readonly TopologyChange[]): RingOutcome | undefined {
    return this.#apply(changes, false);
  }

  /**
   * Applies changes that the VTEP's first worker has accepted (`LiveNodeOptions.onApplied`).
   * @throws as `apply`
   */
  follow(changes: readonly TopologyChange[], isWhole: boolean): void {
    this.#apply(changes, isWhole);
  }

  /**
   * Switches to another topology by applying the differences.
   * @returns the outcome for the key ring, if the topology has one
   * @throws as `apply`
   */
  update(topology: Topology): RingOutcome | undefined {
    const before = this.#chains.tables;
    checkReplacement(before, this.#options.node, topology);
    this.#checkCipher(topology.networks, topology.ring !== undefined);
    return this.#apply(diffTopology(before.topology, topology), true);
  }

  /**
   * Processes waiting packets, and those that arrive meanwhile, for about a millisecond at most.
   * @param milliseconds maximum time to block this thread; 0 to poll
   * @returns whether there were any
   * @throws LiveError if the underlay has failed
   */
  turn(milliseconds: number): boolean {
    const parts = this.#parts;
    if (parts.changed) this.#arrange();
    const poller = this.#poller;
    const now = this.#options.clock();
    if (now - this.#watched >= SA_WATCH) {
      this.#watched = now;
      this.#sas?.poll(now);
    }
    if (this.#settling && this.#sas !== undefined) this.#settle(this.#sas, STEPS_A_TURN, now);
    const pending = this.#hasPending;
    const waits = !pending && !this.#settling;
    this.#mayHaveMore = false;
    if (poller !== undefined && !poller.wait(waits ? milliseconds : 0) && !pending) return this.#settling;
    let any = this.#settling;
    let at = this.#options.clock();
    const end = at + TURN_SECONDS;
    for (let moves = 1; this.#move(poller, at); moves++) {
      any = true;
      at = this.#options.clock();
      // Ports and descriptors may be others by now.
      if (poller === undefined || poller !== this.#poller || at >= end || moves === MOVES) {
        this.#mayHaveMore = true;
        break;
      }
      // A container's kernel has answered by now: returning first would delay the answer.
      if (!this.#isReadyAgain(poller, at)) break;
    }
    return any;
  }

  /** Whether the last `turn` ended before everything was processed: the next one shouldn't block. */
  get mayHaveMore(): boolean {
    return this.#mayHaveMore;
  }

  /** Whether `turn` can block for packets; otherwise call it periodically. */
  get waits(): boolean {
    return this.#poller !== undefined;
  }

  /** Closes the ports and the underlay, and wipes the keys. */
  close(): void {
    for (const endpoint of [...this.ports.keys()]) this.#ports.detach(endpoint);
    this.#options.underlay.close();
    this.#sas?.close();
  }

  #apply(changes: readonly TopologyChange[], isWhole: boolean): RingOutcome | undefined {
    let outcome: RingOutcome | undefined;
    const settling = this.#settling;
    let networks: readonly Network[] = [];
    this.#chains.tables.apply(changes, (plan) => {
      this.#check(plan, isWhole);
      ({ networks } = plan);
      // The last check that can fail, and before peers are added: their SAs need these keys.
      outcome = this.#receiveRing(plan);
    });
    this.#ports.forgetMtus();
    this.#encrypted.add(networks);
    if (!this.#securing && isAnyEncrypted(networks)) this.#secure();
    if (this.#nodesStale) this.#setNodes();
    if (this.#ports.stale) this.#arrange();
    if (this.#settling && !settling && this.#sas !== undefined) {
      this.#settle(this.#sas, STEPS_AT_ONCE, this.#options.clock());
    }
    this.#options.onApplied?.(changes, isWhole);
    return outcome;
  }

  /** Whether there are buffered packets that poll(2) doesn't report. */
  get #hasPending(): boolean {
    return this.#ports.pending || this.#parts.pending || this.#options.underlay.pending === true;
  }

  /** Whether there are more packets, now or within the time of busy polling. */
  #isReadyAgain(poller: Poller, from: number): boolean {
    const { clock, busyPoll = 0 } = this.#options;
    const longest = Math.min(busyPoll, TURN_SECONDS);
    for (let polls = 1; !poller.wait(0); polls++) {
      if (this.#hasPending) return true;
      if (clock() - from >= longest || polls === IDLE_POLLS) return false;
    }
    return true;
  }

  /** Moves packets from what is ready. Returns whether there were any. */
  #move(poller: Poller | undefined, now: number): boolean {
    const { underlay } = this.#options;
    const sockets = underlay.descriptors.length;
    const { sources, networks } = this.#ports;
    let any = false;
    for (let round = 0; round < ROUNDS; round++) {
      let count = 0;
      if (poller === undefined) count += this.#receive();
      if (underlay.pending === true) count += this.#receive();
      else for (let i = 0; i < sockets; i++) if (poller?.isReady(i) === true) count += this.#receive(i);
      for (let i = 0; i < sources.length; i++) {
        const ready = poller === undefined || poller.isReady(sockets + i) || sources[i].pending === true;
        if (ready) count += this.#send(sources[i], networks[i]);
        if (sources[i].descriptor >= 0) continue;
        // Code holds what others have sent to it: it is emptied, since several may fill it again in the next round.
        for (let more = 1; more < DRAINS && sources[i].pending === true; more++) {
          count += this.#send(sources[i], networks[i]);
        }
      }
      count += this.#parts.turn(now);
      if (count === 0) break;
      any = true;
    }
    return any;
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
    const { tables } = this.#chains;
    const large = this.#takesLarge && tables.columns.encrypted[network] === 0;
    const count = port.receive(batch, network, large);
    if (count > 0) this.#forward(batch, network);
    return count;
  }

  /** Sends a batch of frames of one network, each by the worker that can. */
  #forward(batch: PacketBatch, network: number): void {
    const { share, clock } = this.#options;
    const { egress, tables } = this.#chains;
    const now = clock();
    if (share !== undefined && tables.columns.encrypted[network] !== 0) {
      const refused = share.divert(batch, tables, now);
      for (let i = 0; i < refused; i++) egress.refuse(DropReason.WorkerBacklog);
    }
    if (batch.count > 0) egress.run(batch, now);
  }

  /** Updates the list of ports to read from, and the polled descriptors. */
  #arrange(): void {
    this.#ports.arrange();
    const { descriptors: sockets } = this.#options.underlay;
    const { sources } = this.#ports;
    // A port without a descriptor that says what it has buffered needs no polling.
    const polled =
      sockets.length > 0 && sources.every(({ descriptor, pending }) => descriptor >= 0 || pending !== undefined);
    const own = [...sockets, ...sources.map(({ descriptor }) => descriptor)];
    const descriptors = [...own, ...this.#parts.arrange()];
    this.#poller = polled ? new Poller(descriptors) : undefined;
    this.#parts.use(this.#poller, own.length);
  }

  /**
   * Rejects changes that require a restart.
   * @param isWhole whether they come from a whole topology
   */
  #check(plan: ChangePlan, isWhole: boolean): void {
    const { tables } = this.#chains;
    checkName(tables.here, plan);
    const downgrade = this.#encrypted.downgradeIn(tables, plan, isWhole);
    if (downgrade !== undefined) throw new LiveError('BAD_NODE', `${downgrade}; this requires a restart`);
    const held = this.#sas !== undefined && this.#sas.tags.length > 0;
    if (this.#options.share !== undefined) checkShared(plan.networks);
    this.#checkCipher(plan.networks, held || plan.changes.some(({ kind }) => kind === ChangeKind.SetKeys));
  }

  #checkCipher(networks: readonly Network[], keys: boolean): void {
    const { cipher, underlay } = this.#options;
    checkCipher(networks, keys && cipher !== undefined, underlay);
  }

  #chainsOf(topology: Topology, sas: NodeSas | undefined): NodeChains {
    const { node, arena, cipher, underlay, oversize, clampMss, random, onPathMtu } = this.#options;
    const keys = sas === undefined || cipher === undefined ? {} : { aead: cipher.aead, sas };
    const sending = {
      ...(oversize === undefined ? {} : { oversize }),
      ...(clampMss === undefined ? {} : { clampMss }),
      ...(random === undefined ? {} : { random }),
      ...(onPathMtu === undefined ? {} : { onPathMtu }),
      // Without raw sockets, a UDP socket sends each packet as a whole datagram.
      kernelFragments: !underlay.carriesEsp,
    };
    return new NodeChains(topology, node, arena, this.#sinks, keys, sending);
  }

  #sasOf(topology: Topology): NodeSas | undefined {
    const { cipher, node, clock, onSaEvent } = this.#options;
    const index = topology.nodes.findIndex(({ name }) => name === node);
    if (cipher === undefined || index < 0) return undefined;
    const { aead, ...rest } = cipher;
    const events = onSaEvent === undefined ? {} : { onEvent: onSaEvent };
    const options = { ...rest, ...events, now: clock() };
    const { nodes, ring, profile } = topology;
    const sas = new NodeSas(nodes[index].vtep, aead, { profile, ...options });
    if (this.#securing) {
      nodes.forEach(({ vtep }, peer) => {
        if (peer !== index) this.#addPeer(sas, peer, vtep);
      });
    }
    if (ring !== undefined) sas.update(ring, options.now);
    if (this.#securing) sas.settle(options.now);
    return sas;
  }

  /** Adopts new key rings; `#settle` takes the steps of their rotation. */
  #receiveRing({ changes }: ChangePlan): RingOutcome | undefined {
    let outcome: RingOutcome | undefined;
    for (const change of changes) {
      if (change.kind !== ChangeKind.SetKeys || this.#sas === undefined) continue;
      outcome = this.#sas.update(change.ring, this.#options.clock());
      this.#settling = true;
    }
    return outcome;
  }

  /** Replaces the SAs of a node index with those of its current node, if any. */
  #changePeer(index: number): void {
    const { nodes, node } = this.#chains.tables;
    const vtep = nodes[index]?.vtep;
    this.#nodesStale = true;
    if (this.#sas === undefined) return;
    this.#sas.removePeer(index);
    if (vtep !== undefined && index !== node && this.#securing) this.#addPeer(this.#sas, index, vtep);
    this.#settling = true;
  }

  /** Adds a peer to the SAs unless another worker has those with it: no SA may be used by two. */
  #addPeer(sas: NodeSas, peer: number, vtep: Uint8Array): void {
    const { share } = this.#options;
    if (share === undefined || share.owns(vtep)) sas.addPeer(peer, vtep);
  }

  /** Adds all peers to the SAs, for the first encrypted network. */
  #secure(): void {
    this.#securing = true;
    const { nodes, node } = this.#chains.tables;
    nodes.forEach((peer, index) => {
      if (peer !== undefined && index !== node && this.#sas !== undefined) {
        this.#addPeer(this.#sas, index, peer.vtep);
      }
    });
    this.#settling = true;
  }

  #setNodes(): void {
    this.#options.underlay.setNodes(this.#chains.tables.nodes.map((node) => node?.vtep));
    this.#nodesStale = false;
  }

  /** Takes some steps of a rotation or for new peers: thousands of peers at once would delay packets for seconds. */
  #settle(sas: NodeSas, most: number, now: number): void {
    for (let steps = 0; steps < most; steps++) {
      if (sas.step(now) !== undefined) continue;
      // All steps are done; what remains is reserving sequence numbers.
      sas.settle(now);
      this.#settling = false;
      return;
    }
  }
}

function isAnyEncrypted(networks: readonly Network[]): boolean {
  return networks.some(({ encrypted }) => encrypted);
}
