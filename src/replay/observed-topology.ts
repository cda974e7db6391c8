/** A topology that a capture shows by itself: who is there, behind which VTEP. */
import { Ingress, type IngressOptions, Verdict } from '../dataplane/index.js';
import { FloodPolicy, type KeyRing, type Network, type Profile, type Topology } from '../overlay/index.js';
import { ETHERNET_SPAN, EtherType, Fault, formatIp, formatMac, Layers, VXLAN_PORT } from '../wire/index.js';
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

/** Endpoints that are told apart at the most. */
const MAX_ENDPOINTS = 65_536;
/** RFC 5737: addresses that no network has, for the nodes of a capture that shows none. */
const INVENTED_NODES = [Uint8Array.of(192, 0, 2, 1), Uint8Array.of(192, 0, 2, 2)] as const;
const INVENTED_VNI = 4097;
const MAC = 6;

interface Seen {
  readonly mac: Uint8Array;
  ip: Uint8Array | undefined;
  /** Place of its node. */
  node: number;
  /** Whether it sent: where it only received, its node is a guess. */
  sure: boolean;
}

/** How the topology is to be. */
export interface ObservedOptions {
  readonly profile: Profile;
  readonly encrypted: boolean;
  readonly mtu: number;
  readonly ring: KeyRing | undefined;
}

/** Goes over a capture and gathers who is in it. */
export class ObservedTopology {
  readonly #ingress: Ingress;
  readonly #inner = new Layers();
  readonly #nodes = new Map<string, Uint8Array>();
  /** By VNI, by MAC. */
  readonly #networks = new Map<number, Map<string, Seen>>();
  readonly #flooded = new Set<number>();
  /** The same of the packets themselves, if they turn out to be frames of containers. */
  readonly #frames = new Map<string, Seen>();
  #largestCarried = 0;
  #largestPacket = 0;
  #endpoints = 0;
  #carried = 0;

  constructor(options: IngressOptions = {}) {
    this.#ingress = new Ingress(options);
  }

  /** What the capture holds, as far as it was seen. */
  get kind(): CaptureKind {
    return this.#carried > 0 ? CaptureKind.Wire : CaptureKind.Frames;
  }

  /** Bytes of the largest frame: of those that were carried, or of all. */
  get largestFrame(): number {
    return this.#carried > 0 ? this.#largestCarried : this.#largestPacket;
  }

  /** Looks at the packets of a batch. */
  add(batch: CaptureBatch): void {
    for (let i = 0; i < batch.count; i++) {
      const start = batch.offset[i];
      const end = start + batch.capturedLength[i];
      const limit = start + batch.originalLength[i];
      this.#largestPacket = Math.max(this.#largestPacket, end - start);
      if (this.#carried === 0 && batch.linkType[i] === LinkType.Ethernet && end - start >= ETHERNET_SPAN) {
        this.#addFrame(batch.bytes, start, end);
      }
      const verdict = this.#ingress.receive(batch.linkType[i], batch.bytes, start, end, limit, batch.seconds[i]);
      if (verdict === Verdict.Frame) this.#addCarried();
    }
  }

  /** A frame of a container: whoever talk to each other are put on different nodes, where that can be. */
  #addFrame(bytes: Uint8Array, start: number, end: number): void {
    const destination = this.#see(this.#frames, bytes, start, -1, false);
    const source = this.#see(this.#frames, bytes, start + MAC, -1, true);
    if (source === undefined) return;
    if (source.node < 0) source.node = destination === undefined || destination.node < 0 ? 0 : 1 - destination.node;
    if (destination !== undefined && destination.node < 0) destination.node = 1 - source.node;
    this.#addresses(bytes, start, end, source, destination);
  }

  #addCarried(): void {
    const { outerBytes: bytes, frameOffset: start, frameEnd: end, outer, vni } = this.#ingress;
    this.#carried++;
    this.#largestCarried = Math.max(this.#largestCarried, end - start);
    const span = outer.family === 4 ? 4 : 16;
    const from = this.#node(bytes.subarray(outer.addressOffset, outer.addressOffset + span));
    const to = this.#node(bytes.subarray(outer.addressOffset + span, outer.addressOffset + 2 * span));
    let network = this.#networks.get(vni);
    if (network === undefined) {
      network = new Map();
      this.#networks.set(vni, network);
    }
    const destination = this.#see(network, bytes, start, to, false);
    const source = this.#see(network, bytes, start + MAC, from, true);
    if (destination === undefined) this.#flooded.add(vni);
    if (source !== undefined) this.#addresses(bytes, start, end, source, destination);
  }

  #node(vtep: Uint8Array): number {
    const name = formatIp(vtep.length === 4 ? 4 : 6, vtep);
    if (!this.#nodes.has(name)) this.#nodes.set(name, vtep.slice());
    return [...this.#nodes.keys()].indexOf(name);
  }

  #see(network: Map<string, Seen>, bytes: Uint8Array, offset: number, node: number, sent: boolean): Seen | undefined {
    if ((bytes[offset] & 1) !== 0) return undefined;
    const name = formatMac(bytes, offset);
    let seen = network.get(name);
    if (seen === undefined) {
      if (this.#endpoints === MAX_ENDPOINTS) return undefined;
      this.#endpoints++;
      seen = { mac: bytes.slice(offset, offset + MAC), ip: undefined, node, sure: false };
      network.set(name, seen);
    }
    if (sent && !seen.sure) {
      if (node >= 0) seen.node = node;
      seen.sure = true;
    }
    return seen;
  }

  #addresses(bytes: Uint8Array, start: number, end: number, source: Seen, destination: Seen | undefined): void {
    const inner = this.#inner;
    if (inner.walkEthernet(bytes, start, end) !== Fault.None || inner.etherType !== EtherType.Ipv4) return;
    const at = inner.addressOffset;
    source.ip ??= bytes.slice(at, at + 4);
    if (destination !== undefined) destination.ip ??= bytes.slice(at + 4, at + 8);
  }

  /** The topology, as far as it was seen. */
  topology({ profile, encrypted, mtu, ring }: ObservedOptions): Topology {
    const wire = this.kind === CaptureKind.Wire;
    const vteps = wire ? [...this.#nodes.values()] : INVENTED_NODES;
    const nodes = vteps.map((vtep, i) => ({
      name: `node${i + 1}`,
      vtep,
      mac: Uint8Array.of(2, 0, 0, 0, (i + 1) >>> 8, i + 1),
      mtu,
    }));
    const seen = wire ? [...this.#networks] : ([[INVENTED_VNI, this.#frames]] as const);
    const networks = seen.map(([vni]): Network => ({
      name: `vni-${vni}`,
      vni,
      subnets: [],
      gateways: [],
      encrypted,
      mtu: undefined,
      flood: this.#flooded.has(vni) ? FloodPolicy.Replicate : FloodPolicy.Drop,
      learning: this.#flooded.has(vni),
    }));
    const endpoints = seen.flatMap(([, macs], network) =>
      [...macs.values()].map(({ mac, ip, node }) => ({
        name: formatMac(mac),
        network,
        node: Math.max(0, node),
        ip,
        mac,
      })),
    );
    return { profile, port: VXLAN_PORT, nodes, networks, endpoints, ring };
  }
}
