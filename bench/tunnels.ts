/**
 * Sealing and opening over many tunnels, packets spread at random over all of them: what SAs cost that aren't in the
 * cache. A tunnel is one SA per direction with a peer.
 */
import { hkdfSha256, type Aead } from '../src/aead/index.js';
import { Classifier, DropCounters } from '../src/dataplane/index.js';
import { Open } from '../src/dataplane/open.js';
import { Seal } from '../src/dataplane/seal.js';
import { EspDrop, InboundEsp, OutboundEsp, OutboundSa } from '../src/ipsec/index.js';
import { Arena, PacketBatch } from '../src/memory/index.js';
import { ClusterKey, deriveSa, KeyRing, NodeSas, Profile } from '../src/overlay/index.js';
import { SeededRandom } from '../src/replay/random.js';
import { IPV4_HEADER_LEN, IpProtocol, VXLAN_PORT, writeIpv4 } from '../src/wire/index.js';
import type { Cell } from './cell.js';
import { sizesOf } from './imix.js';
import { type FrameSize, Stage } from './result.js';
import { Workload } from './workload.js';

/** Packets per run, sealed and opened as one batch. */
const PACKETS = 256;
/** Outer headers in front of a frame: IPv4, UDP, VXLAN. */
const OUTER = 36;
/** Bytes that ESP adds, at most. */
const ESP = 64;
const HERE = Uint8Array.of(10, 1, 0, 0);

/** The two cells of a number of tunnels. */
export interface TunnelCells {
  readonly seal: Cell;
  readonly open: Cell;
  /** Wipes the keys. */
  close(): void;
}

/** A result: nanoseconds per packet by number of tunnels. */
export interface TunnelResult {
  readonly stage: Stage;
  readonly profile: Profile;
  readonly bytes: FrameSize;
  readonly backend: string;
  readonly tunnels: readonly number[];
  readonly nsPerPacket: readonly number[];
  /** Time per packet with the most tunnels, as a multiple of that with the fewest. */
  readonly ratio: number;
}

/** IV masks: any will do, since the keys are not secret. */
function counting(bytes: Uint8Array): void {
  for (let i = 0; i < bytes.length; i++) bytes[i] = i * 29 + 7;
}

function peerAt(peer: number): Uint8Array {
  const number = peer + 1;
  return Uint8Array.of(10, 1, number >>> 8, number);
}

function wordOf(address: Uint8Array): number {
  return new DataView(address.buffer, address.byteOffset).getInt32(0);
}

/** IPv4 packets in a batch, refilled before each run, and the peer of each. */
class Packets {
  readonly batch: PacketBatch;
  readonly peers = new Int32Array(PACKETS);
  readonly #lengths: Int32Array;
  readonly #random: SeededRandom;
  readonly #tunnels: number;

  constructor(size: FrameSize, tunnels: number) {
    this.#lengths = sizesOf(size, PACKETS).map((length) => length + OUTER);
    this.#random = new SeededRandom(tunnels);
    this.#tunnels = tunnels;
    const arena = new Arena({ slots: PACKETS, frameBytes: Math.max(...this.#lengths) + ESP });
    for (let i = 0; i < arena.bytes.length; i++) arena.bytes[i] = i * 31;
    this.batch = new PacketBatch(arena, PACKETS);
  }

  /** Writes the headers anew, to or from other peers; the payloads are whatever the slots hold. */
  fill(word: (peer: number) => readonly [source: number, destination: number]): void {
    const { batch, peers } = this;
    const { arena } = batch;
    batch.clear();
    for (let i = 0; i < PACKETS; i++) {
      const slot = arena.take();
      const start = arena.frameOffsetOf(slot);
      const length = this.#lengths[i];
      peers[i] = this.#random.below(this.#tunnels);
      const [source, destination] = word(peers[i]);
      writeIpv4(arena.bytes, start, 0, length, 0, 64, IpProtocol.Udp, source, destination);
      batch.push(slot, start, start + length, 0, peers[i]);
    }
  }

  /** Copies of what follows the headers. */
  payloads(): Uint8Array[] {
    const { arena, start, end, count } = this.batch;
    return Array.from({ length: count }, (_, i) => arena.bytes.slice(start[i] + IPV4_HEADER_LEN, end[i]));
  }
}

/** Creates SAs with as many peers, and the cells that seal to and open from all of them. */
export function tunnelCells(profile: Profile, tunnels: number, size: FrameSize, aead: Aead): TunnelCells {
  const ring = new KeyRing([1, 2, 3].map((tag) => new ClusterKey(tag, new Uint8Array(16).fill(tag * 11))));
  const sas = new NodeSas(HERE, aead, { hkdf: hkdfSha256, random: counting, profile });
  const peers = Array.from({ length: tunnels }, (_, peer) => peerAt(peer));
  peers.forEach((address, peer) => sas.addPeer(peer, address));
  sas.update(ring, 0);
  sas.settle(0);
  const ivMask = new Uint8Array(8);
  const senders = peers.map((source) => {
    const association = deriveSa(profile, { key: ring.transmit, source, destination: HERE }, hkdfSha256);
    const sa = new OutboundSa(association, aead, { ivMask });
    association.keymat.wipe();
    return sa;
  });
  const words = Int32Array.from(peers, wordOf);
  return {
    seal: sealCell(new Packets(size, tunnels), words, aead, sas),
    open: openCell(new Packets(size, tunnels), words, aead, sas, senders),
    close: () => {
      for (const sa of senders) sa.close();
      sas.close();
      ring.wipe();
    },
  };
}

function sealCell(packets: Packets, words: Int32Array, aead: Aead, sas: NodeSas): Cell {
  const { batch } = packets;
  const here = wordOf(HERE);
  // One encrypted network.
  const { tables } = new Workload({ size: 64, flows: 1, encrypted: true });
  const seal = new Seal(tables, new DropCounters(), aead, sas);
  let now = 0;
  const cell: Cell = {
    packets: PACKETS,
    prepare: () => {
      packets.fill((peer) => [here, words[peer]]);
      now += 1e-6;
    },
    run: () => seal.run(batch, now),
    check: () => {
      cell.prepare();
      const before = seal.sealed;
      cell.run();
      if (seal.sealed !== before + PACKETS)
        throw new Error(`${seal.sealed - before} of ${PACKETS} packets were sealed`);
    },
  };
  return cell;
}

function openCell(packets: Packets, words: Int32Array, aead: Aead, sas: NodeSas, senders: readonly OutboundSa[]): Cell {
  const { batch, peers } = packets;
  const { bytes } = batch.arena;
  const here = wordOf(HERE);
  const sealer = new OutboundEsp(aead, PACKETS);
  const classifier = new Classifier({ ports: [VXLAN_PORT], verifyIp: false, verifyUdp: true });
  const open = new Open(new DropCounters(), classifier, new InboundEsp(aead, sas.inbound, undefined, PACKETS));
  let now = 0;
  const fill = (): void => packets.fill((peer) => [words[peer], here]);
  const seal = (): void => {
    for (let i = 0; i < PACKETS; i++) {
      if (sealer.push(senders[peers[i]], bytes, batch.start[i], batch.end[i], now) !== EspDrop.None)
        throw new Error('a packet was not sealed');
      batch.start[i] = sealer.start;
      batch.end[i] = sealer.end;
    }
    sealer.flush();
    now += 1e-6;
  };
  return {
    packets: PACKETS,
    prepare: () => {
      fill();
      seal();
    },
    run: () => open.run(batch, now),
    check: () => {
      fill();
      const expected = packets.payloads();
      seal();
      open.run(batch, now);
      const opened = packets.payloads();
      if (opened.length !== PACKETS) throw new Error(`${opened.length} of ${PACKETS} packets were opened`);
      if (opened.some((payload, i) => Buffer.compare(payload, expected[i]) !== 0))
        throw new Error('a packet was opened incorrectly');
    },
  };
}

/** What is measured: both profiles, with these sizes and numbers of tunnels. */
const TUNNELS = [100, 10_000] as const;
const SIZES: readonly FrameSize[] = [64, 1400, 'imix'];

/**
 * Measures every combination, with both numbers of tunnels run by run in turn.
 * @param runs timed runs of each cell
 */
export function measureTunnels(aead: Aead, quick: boolean, runs = quick ? 100 : 400): TunnelResult[] {
  const sizes = quick ? SIZES.slice(-1) : SIZES;
  return Object.values(Profile).flatMap((profile) => sizes.flatMap((size) => measureSize(profile, size, aead, runs)));
}

function measureSize(profile: Profile, bytes: FrameSize, aead: Aead, runs: number): TunnelResult[] {
  const sets = TUNNELS.map((tunnels) => tunnelCells(profile, tunnels, bytes, aead));
  try {
    return ([Stage.Seal, Stage.Open] as const).map((stage) => {
      const cells = sets.map((set) => set[stage]);
      const nsPerPacket = medianTimes(cells, runs);
      const ratio = nsPerPacket[nsPerPacket.length - 1] / nsPerPacket[0];
      return { stage, profile, bytes, backend: aead.name, tunnels: TUNNELS, nsPerPacket, ratio };
    });
  } finally {
    for (const set of sets) set.close();
  }
}

/** Median nanoseconds per packet of each cell, which are checked before and after. */
function medianTimes(cells: readonly Cell[], runs: number): number[] {
  const samples = cells.map((): number[] => []);
  for (const cell of cells) cell.check();
  for (let run = -runs / 2; run < runs; run++) {
    for (const [i, cell] of cells.entries()) {
      cell.prepare();
      const start = performance.now();
      cell.run();
      const nanoseconds = (performance.now() - start) * 1e6;
      if (run >= 0) samples[i].push(nanoseconds / cell.packets);
    }
  }
  for (const cell of cells) cell.check();
  return samples.map((times) => times.sort((a, b) => a - b)[times.length >>> 1]);
}
