/**
 * The traffic through the measured chains: one node with one endpoint, and as many other nodes as there are flows, each
 * with one endpoint. Frames are sent to each of them in turn, and packets arrive from each of them in turn.
 */
import { hkdfSha256, type Aead } from '../src/aead/index.js';
import { Tunnel } from '../src/dataplane/index.js';
import { OutboundEsp } from '../src/ipsec/index.js';
import { HEADROOM, TAILROOM } from '../src/memory/index.js';
import { ClusterKey, FloodPolicy, KeyRing, NodeSas, NodeTables, Profile, type Topology } from '../src/overlay/index.js';
import { formatMac, VXLAN_PORT } from '../src/wire/index.js';
import { FRAME_HEADERS, type FlowSide, writeHeaders } from './frame.js';
import { sizesOf } from './imix.js';
import type { FrameSize } from './result.js';

/** Index of this node, and of the only network. */
export const HERE = 0;
export const NETWORK = 0;
export const VNI = 4097;
/** Larger than every packet: nothing is fragmented unless that is measured. */
const JUMBO_MTU = 9600;
/** Minimum number of prepared packets: several windows, so that they don't stay in the smallest cache. */
const MIN_PACKETS = 1024;

/** Packets with their offsets. */
export interface Packets {
  readonly bytes: Uint8Array;
  readonly start: Int32Array;
  readonly end: Int32Array;
}

/** Options of a workload. */
export interface WorkloadOptions {
  readonly size: FrameSize;
  readonly flows: number;
  readonly encrypted: boolean;
  /** How SAs are derived. Default: as Swarm does. */
  readonly profile?: Profile;
  /** MTU of the underlay. Default: large enough for everything. */
  readonly mtu?: number;
}

/** IV masks: any will do, since the keys are not secret. */
function counting(bytes: Uint8Array): void {
  for (let i = 0; i < bytes.length; i++) bytes[i] = i * 29 + 7;
}

function vtepOf(node: number): Uint8Array {
  return Uint8Array.of(10, 1, node >>> 8, node);
}

function macOf(prefix: number, number: number): Uint8Array {
  return Uint8Array.of(2, prefix, 10, number >>> 16, number >>> 8, number);
}

function sideOf(endpoint: number, port: number): FlowSide {
  return { mac: formatMac(macOf(0x42, endpoint)), ip: `10.9.${endpoint >>> 8}.${endpoint & 0xff}`, port };
}

/** Traffic of one frame size over a number of flows. */
export class Workload {
  readonly size: FrameSize;
  readonly flows: number;
  readonly encrypted: boolean;
  readonly topology: Topology;
  readonly tables: NodeTables;
  /** Frames from here to each of the other endpoints. */
  readonly frames: Packets;
  /** Size of the largest frame in bytes. */
  readonly frameBytes: number;
  readonly profile: Profile;
  readonly #lengths: Int32Array;
  /** What other nodes seal with, kept for packets that are sealed again. */
  readonly #senders = new Map<Aead, Map<number, NodeSas>>();
  #framesIn: Packets | undefined;
  readonly #sas = new Map<Aead, NodeSas>();

  constructor({ size, flows, encrypted, profile = Profile.Swarm, mtu = JUMBO_MTU }: WorkloadOptions) {
    this.size = size;
    this.flows = flows;
    this.encrypted = encrypted;
    this.profile = profile;
    const count = Math.max(MIN_PACKETS, Math.ceil(flows / MIN_PACKETS) * MIN_PACKETS);
    this.#lengths = sizesOf(size, count);
    this.frameBytes = Math.max(...this.#lengths);
    const indices = Array.from({ length: flows + 1 }, (_, i) => i);
    this.topology = {
      profile,
      port: VXLAN_PORT,
      nodes: indices.map((i) => ({ name: `node${i}`, vtep: vtepOf(i), mac: macOf(0, i), mtu })),
      networks: [
        {
          name: 'bench',
          vni: VNI,
          subnets: [],
          gateways: [],
          encrypted,
          mtu: undefined,
          flood: FloodPolicy.Drop,
          learning: false,
        },
      ],
      endpoints: indices.map((i) => ({
        name: `c${i}`,
        network: NETWORK,
        node: i,
        ip: Uint8Array.of(10, 9, i >>> 8, i),
        mac: macOf(0x42, i),
      })),
      ring: new KeyRing([1, 2, 3].map((tag) => new ClusterKey(tag, new Uint8Array(16).fill(tag * 11)))),
    };
    this.tables = new NodeTables(this.topology, 'node0');
    this.frames = this.#frames((other, port) => [sideOf(HERE, port), sideOf(other, port + 1)]);
  }

  /** This node's SAs with all others, created once for each cipher. */
  sas(aead: Aead): NodeSas {
    const known = this.#sas.get(aead);
    if (known !== undefined) return known;
    const sas = NodeSas.ofTopology(this.topology, HERE, aead, { hkdf: hkdfSha256, random: counting });
    this.#sas.set(aead, sas);
    return sas;
  }

  /** Wipes the keys. */
  close(): void {
    for (const sas of this.#sas.values()) sas.close();
    for (const senders of this.#senders.values()) for (const sas of senders.values()) sas.close();
    this.topology.ring?.wipe();
  }

  /** IP packets from the other nodes to the endpoint here; sealed if the network is encrypted. */
  packetsIn(aead: Aead | undefined): Packets {
    const count = this.#lengths.length;
    const bytes = new Uint8Array(new ArrayBuffer(count * (HEADROOM + this.frameBytes + TAILROOM)));
    const packets = { bytes, start: new Int32Array(count), end: new Int32Array(count) };
    this.writePacketsIn(packets, aead);
    return packets;
  }

  /** Writes the packets again, with the sequence numbers that follow: a replay window accepts none twice. */
  writePacketsIn({ bytes, start, end }: Packets, aead: Aead | undefined): void {
    const frames = (this.#framesIn ??= this.#frames((other, port) => [sideOf(other, port + 1), sideOf(HERE, port)]));
    const count = frames.start.length;
    const stride = HEADROOM + this.frameBytes + TAILROOM;
    const esp = aead === undefined ? undefined : new OutboundEsp(aead);
    const senders = new Map<number, Tunnel>();
    for (let i = 0; i < count; i++) {
      const node = 1 + (i % this.flows);
      const at = i * stride + HEADROOM;
      bytes.set(frames.bytes.subarray(frames.start[i], frames.end[i]), at);
      const frameEnd = at + frames.end[i] - frames.start[i];
      const tunnel = senders.get(node) ?? new Tunnel(vtepOf(node), vtepOf(HERE), { port: VXLAN_PORT });
      senders.set(node, tunnel);
      start[i] = tunnel.encapsulate(bytes, at, frameEnd, VNI, i, 0, 64, 1 + (i % 0xffff));
      end[i] = frameEnd;
      if (this.encrypted && aead !== undefined && esp !== undefined) {
        const sa = this.#sender(node, aead).outbound(HERE);
        if (sa === undefined || esp.push(sa, bytes, start[i], end[i], 0) !== 0)
          throw new Error('a packet was not sealed');
        start[i] = esp.start;
        end[i] = esp.end;
      }
    }
    esp?.flush();
  }

  /** Another node's SAs for sending to this one. */
  #sender(node: number, aead: Aead): NodeSas {
    const senders = this.#senders.get(aead) ?? new Map<number, NodeSas>();
    this.#senders.set(aead, senders);
    const known = senders.get(node);
    if (known !== undefined) return known;
    const sas = new NodeSas(vtepOf(node), aead, { hkdf: hkdfSha256, random: counting, profile: this.profile });
    senders.set(node, sas);
    sas.addPeer(HERE, vtepOf(HERE));
    if (this.topology.ring !== undefined) sas.update(this.topology.ring, 0);
    sas.settle(0);
    return sas;
  }

  #frames(sides: (other: number, port: number) => readonly [FlowSide, FlowSide]): Packets {
    const count = this.#lengths.length;
    const total = this.#lengths.reduce((sum, length) => sum + length, 0);
    const bytes = new Uint8Array(new ArrayBuffer(total));
    const start = new Int32Array(count);
    const end = new Int32Array(count);
    let at = 0;
    for (let i = 0; i < count; i++) {
      const length = this.#lengths[i];
      const [from, to] = sides(1 + (i % this.flows), 40_000 + (i % 1000));
      for (let n = FRAME_HEADERS; n < length; n++) bytes[at + n] = n * 31 + i;
      writeHeaders(bytes, at, length - FRAME_HEADERS, from, to, i & 0xffff);
      start[i] = at;
      at += length;
      end[i] = at;
    }
    return { bytes, start, end };
  }
}
