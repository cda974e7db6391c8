/** Infers a topology from a capture alone: its endpoints, and the VTEP of each. */
import { UnderlayDecoder, type UnderlayDecoderOptions, Verdict } from '../dataplane/index.js';
import { getWord, KeyIndex } from '../memory/internal.js';
import { FloodPolicy, type KeyRing, type Network, type Profile, type Topology } from '../overlay/index.js';
import {
  ETHERNET_HEADER_LEN,
  EtherType,
  HeaderError,
  formatMac,
  IpProtocol,
  Layers,
  VXLAN_PORT,
} from '../wire/index.js';
import type { CaptureBatch } from '../capture/index.js';
import { LinkType } from '../capture/index.js';

/** What a capture holds. */
export const CaptureKind = {
  /** Packets of an underlay: VXLAN, clear or in ESP. */
  Wire: 'wire',
  /** Frames of containers. */
  Frames: 'frames',
} as const;
export type CaptureKind = (typeof CaptureKind)[keyof typeof CaptureKind];

/** Maximum number of endpoints that are distinguished. */
const MAX_ENDPOINTS = 65_536;
/** Maximum numbers of VTEPs, conversations and networks. */
const MAX_NODES = 65_536;
const MAX_CONVERSATIONS = 65_536;
const MAX_NETWORKS = 65_536;
/**
 * Maximum number of nodes of a topology, and of entries in the tables of all of them: every node has an entry for every
 * endpoint and every network, and SAs with every other node.
 */
const MAX_TOPOLOGY_NODES = 64;
const MAX_TABLE_ENTRIES = 1 << 20;
/** Every node has a list of all others for every network that floods. */
const MAX_FLOOD_ENTRIES = 1 << 21;
/** RFC 5737: documentation addresses, for the nodes of a capture without VTEPs. */
const INVENTED_NODES = [Uint8Array.of(192, 0, 2, 1), Uint8Array.of(192, 0, 2, 2)] as const;
const INVENTED_VNI = 4097;
/** Gossip, over UDP and TCP, and management, over TCP. */
const SWARM_PORTS: readonly number[] = [7946, 2377];
const MAC = 6;
/** Replaces the VNI in captures of containers. */
const NO_VNI = -1;
const BROADCAST = new Uint8Array(MAC).fill(0xff);

interface Seen {
  /** Its index, in order of appearance. */
  readonly index: number;
  readonly vni: number;
  readonly mac: Uint8Array;
  ip: Uint8Array | undefined;
  /** Index of its node. */
  node: number;
  /** Whether it sent a frame: if it only received, its node is a guess. */
  sure: boolean;
}

/** The traffic from one endpoint to another. */
export interface ObservedConversation {
  /** VNI of the network, or -1 in captures of containers. */
  readonly vni: number;
  /** MACs; the broadcast address for any group. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly frames: number;
  readonly bytes: number;
}

/** Properties of the topology. */
export interface ObservedOptions {
  readonly profile: Profile;
  readonly encrypted: boolean;
  readonly mtu: number;
  readonly ring: KeyRing | undefined;
}

/** Collects the VTEPs, networks and endpoints of a capture. */
export class ObservedTopology {
  readonly #decoder: UnderlayDecoder;
  readonly #inner = new Layers();
  /** VTEPs by family and address. */
  readonly #nodeIndex = new KeyIndex(5, MAX_NODES);
  readonly #nodes: Uint8Array[] = [];
  /** Endpoints by VNI and MAC. Those of frames of containers have no VNI. */
  readonly #seenIndex = new KeyIndex(3, MAX_ENDPOINTS);
  readonly #seen: Seen[] = [];
  readonly #vnis = new Set<number>();
  readonly #flooded = new Set<number>();
  /** By indices of source and destination; -1 for a group. */
  readonly #talkIndex = new KeyIndex(2, MAX_CONVERSATIONS);
  readonly #talkFrames: number[] = [];
  readonly #talkBytes: number[] = [];
  #largestCarried = 0;
  #largestPacket = 0;
  #carried = 0;
  #unlisted = 0;
  /** Packets whose content counts for `mostlySealed`: all but held fragments and a swarm's control traffic. */
  #classified = 0;
  #sealedEsp = 0;

  constructor(options: UnderlayDecoderOptions = {}) {
    this.#decoder = new UnderlayDecoder(options);
  }

  /** The kind of the capture, as far as it was read. */
  get kind(): CaptureKind {
    return this.#carried > 0 ? CaptureKind.Wire : CaptureKind.Frames;
  }

  /** ESP packets that were not decrypted, for lack of keys or the right ones. */
  get sealedEsp(): number {
    return this.#sealedEsp;
  }

  /**
   * Whether most packets are ESP that was not decrypted: the capture is of an underlay, rather than of containers with
   * some ESP. Fragments count with the packet that they complete. A swarm's control traffic doesn't count, as it often
   * outnumbers ESP.
   */
  get mostlySealed(): boolean {
    return 2 * this.#sealedEsp > this.#classified;
  }

  /** VTEPs found, up to 65,536. */
  get vteps(): number {
    return this.#nodes.length;
  }

  /** Nodes of the topology of an underlay's capture: one per VTEP, up to a limit. */
  get nodes(): number {
    const most = Math.floor(MAX_TABLE_ENTRIES / Math.max(1, this.#seen.length, this.#vnis.size));
    const flooding = Math.floor(Math.sqrt(MAX_FLOOD_ENTRIES / Math.max(1, this.#flooded.size)));
    return Math.min(this.#nodes.length, MAX_TOPOLOGY_NODES, most, flooding);
  }

  /**
   * Frames from endpoints or networks beyond the 65,536 of each that are distinguished; the topology doesn't contain
   * these.
   */
  get unlisted(): number {
    return this.#unlisted;
  }

  /** Length of the largest inner frame in bytes, or of the largest packet in a capture of containers. */
  get largestFrame(): number {
    return this.#carried > 0 ? this.#largestCarried : this.#largestPacket;
  }

  /** Adds the packets of a batch. */
  add(batch: CaptureBatch): void {
    for (let i = 0; i < batch.count; i++) {
      const start = batch.offset[i];
      const end = start + batch.capturedLength[i];
      const limit = start + batch.originalLength[i];
      this.#largestPacket = Math.max(this.#largestPacket, end - start);
      if (this.#carried === 0 && batch.linkType[i] === LinkType.Ethernet && end - start >= ETHERNET_HEADER_LEN) {
        this.#addFrame(batch.bytes, start, end);
      }
      const verdict = this.#decoder.receive(batch.linkType[i], batch.bytes, start, end, limit, batch.seconds[i]);
      if (verdict !== Verdict.Held && !(verdict === Verdict.Other && this.#isOfSwarm())) this.#classified++;
      if (verdict === Verdict.Frame) this.#addCarried();
      if (this.#decoder.encrypted && !this.#decoder.opened) this.#sealedEsp++;
    }
  }

  /** Whether other traffic is gossip or management of a swarm. */
  #isOfSwarm(): boolean {
    const { family, protocol, sourcePort, destinationPort } = this.#decoder.outer;
    if (family === 0 || (protocol !== IpProtocol.Udp && protocol !== IpProtocol.Tcp)) return false;
    return SWARM_PORTS.includes(sourcePort) || SWARM_PORTS.includes(destinationPort);
  }

  /** Adds a frame of a container. Endpoints that talk to each other are placed on different nodes if possible. */
  #addFrame(bytes: Uint8Array, start: number, end: number): void {
    const destination = this.#see(NO_VNI, bytes, start, -1, false);
    const source = this.#see(NO_VNI, bytes, start + MAC, -1, true);
    if (source === undefined) {
      this.#unlisted += 1 - (bytes[start + MAC] & 1);
      return;
    }
    if (source.node < 0) source.node = destination === undefined || destination.node < 0 ? 0 : 1 - destination.node;
    if (destination !== undefined && destination.node < 0) destination.node = 1 - source.node;
    this.#addresses(bytes, start, end, source, destination);
    this.#talk(source, destination, end - start);
  }

  #addCarried(): void {
    const { outerBytes: bytes, frameOffset: start, frameEnd: end, outer, vni } = this.#decoder;
    this.#carried++;
    this.#largestCarried = Math.max(this.#largestCarried, end - start);
    const { family, addressOffset } = outer;
    const from = this.#node(family, bytes, addressOffset);
    const to = this.#node(family, bytes, addressOffset + (family === 4 ? 4 : 16));
    if (this.#vnis.size >= MAX_NETWORKS && !this.#vnis.has(vni)) {
      this.#unlisted++;
      return;
    }
    this.#vnis.add(vni);
    const destination = this.#see(vni, bytes, start, to, false);
    const source = this.#see(vni, bytes, start + MAC, from, true);
    if (destination === undefined) this.#flooded.add(vni);
    if (source === undefined) {
      this.#unlisted += 1 - (bytes[start + MAC] & 1);
      return;
    }
    this.#addresses(bytes, start, end, source, destination);
    this.#talk(source, destination, end - start);
  }

  /** Index of a VTEP, or -1 if there are too many. */
  #node(family: number, bytes: Uint8Array, offset: number): number {
    const { key } = this.#nodeIndex;
    const words = family === 4 ? 1 : 4;
    key[0] = family;
    for (let i = 0; i < 4; i++) key[1 + i] = i < words ? getWord(bytes, offset + 4 * i) : 0;
    const index = this.#nodeIndex.add();
    if (index === this.#nodes.length) this.#nodes.push(new Uint8Array(bytes.subarray(offset, offset + 4 * words)));
    return index;
  }

  #see(vni: number, bytes: Uint8Array, offset: number, node: number, sent: boolean): Seen | undefined {
    if ((bytes[offset] & 1) !== 0) return undefined;
    const { key } = this.#seenIndex;
    key[0] = getWord(bytes, offset);
    key[1] = (bytes[offset + 4] << 8) | bytes[offset + 5];
    key[2] = vni;
    const index = this.#seenIndex.add();
    if (index < 0) return undefined;
    if (index === this.#seen.length) {
      this.#seen.push({
        index,
        vni,
        mac: new Uint8Array(bytes.subarray(offset, offset + MAC)),
        ip: undefined,
        node,
        sure: false,
      });
    }
    const seen = this.#seen[index];
    if (sent && !seen.sure) {
      if (node >= 0) seen.node = node;
      seen.sure = true;
    }
    return seen;
  }

  #talk(source: Seen, destination: Seen | undefined, length: number): void {
    const { key } = this.#talkIndex;
    key[0] = source.index;
    key[1] = destination?.index ?? -1;
    const index = this.#talkIndex.add();
    if (index < 0) return;
    if (index === this.#talkFrames.length) {
      this.#talkFrames.push(0);
      this.#talkBytes.push(0);
    }
    this.#talkFrames[index]++;
    this.#talkBytes[index] += length;
  }

  /** The first 65,536 conversations. */
  *conversations(): Generator<ObservedConversation> {
    const wire = this.kind === CaptureKind.Wire;
    for (const [index, frames] of this.#talkFrames.entries()) {
      const source = this.#seen[this.#talkIndex.word(index, 0)];
      if (wire === (source.vni === NO_VNI)) continue;
      const to = this.#talkIndex.word(index, 1);
      const destination = to < 0 ? BROADCAST : this.#seen[to].mac;
      yield { vni: source.vni, source: source.mac, destination, frames, bytes: this.#talkBytes[index] };
    }
  }

  #addresses(bytes: Uint8Array, start: number, end: number, source: Seen, destination: Seen | undefined): void {
    if (source.ip !== undefined && (destination === undefined || destination.ip !== undefined)) return;
    const inner = this.#inner;
    if (inner.walkEthernet(bytes, start, end) !== HeaderError.None || inner.etherType !== EtherType.Ipv4) return;
    const at = inner.addressOffset;
    source.ip ??= new Uint8Array(bytes.subarray(at, at + 4));
    if (destination !== undefined) destination.ip ??= new Uint8Array(bytes.subarray(at + 4, at + 8));
  }

  /**
   * The topology found so far. With more than 64 VTEPs, or fewer but very many endpoints or networks, several VTEPs
   * share a node: the work and memory of a replay grow with nodes times endpoints or networks and, for flooding
   * networks, with the square of nodes.
   */
  topology({ profile, encrypted, mtu, ring }: ObservedOptions): Topology {
    const wire = this.kind === CaptureKind.Wire;
    const vteps = wire ? this.#nodes.slice(0, this.nodes) : INVENTED_NODES;
    const nodes = vteps.map((vtep, i) => ({
      name: `node${i + 1}`,
      vtep,
      mac: Uint8Array.of(2, 0, 0, 0, (i + 1) >>> 8, i + 1),
      mtu,
    }));
    const vnis = wire ? [...this.#vnis] : [INVENTED_VNI];
    const networks = vnis.map((vni): Network => ({
      name: `vni-${vni}`,
      vni,
      subnets: [],
      gateways: [],
      encrypted,
      mtu: undefined,
      flood: this.#flooded.has(vni) ? FloodPolicy.Replicate : FloodPolicy.Drop,
      learning: this.#flooded.has(vni),
    }));
    const indices = new Map(vnis.map((vni, index) => [wire ? vni : NO_VNI, index]));
    const endpoints = this.#seen
      .flatMap(({ vni, mac, ip, node }) => {
        const network = indices.get(vni);
        if (network === undefined) return [];
        return [{ name: formatMac(mac), network, node: Math.max(0, node) % nodes.length, ip, mac }];
      })
      .sort((a, b) => a.network - b.network);
    return { profile, port: VXLAN_PORT, nodes, networks, endpoints, ring };
  }
}
