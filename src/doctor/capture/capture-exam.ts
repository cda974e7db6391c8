/** Examines a capture for doctor: the survey of `inspect`, and beside it what findings need to know of each packet. */
import { BATCH_PACKETS, type CaptureBatch, type PacketSource } from '../../capture/portable.js';
import { DropReason, FragmentSource, Verdict } from '../../dataplane/index.js';
import { Survey, type SurveyOptions } from '../../inspect/index.js';
import type { SurveyStart } from '../../inspect/internal.js';
import { EtherType, HeaderError, IpProtocol, type Layers, VXLAN_PORT } from '../../wire/index.js';
import type { CaptureEvidence, ExaminedFile } from '../evidence/capture.js';
import { AddressPairs, OUTSIDE } from './address-pairs.js';
import { CaptureTrace, MAX_TRACE_PACKETS } from './capture-trace.js';
import { ChecksumWatch, withTotals } from './checksum-watch.js';
import { DnsWatch, MAX_PENDING } from './dns-watch.js';
import { EndpointWatch, MAX_HOMES } from './endpoint-watch.js';
import { MAX_EVENT_ROWS } from './event-table.js';
import { EspWatch } from './esp-watch.js';
import { FragmentWatch } from './fragment-watch.js';
import { HeaderWatch } from './header-watch.js';
import { MAX_PAIRS, MAX_TUNNELS } from './limits.js';
import type { PacketStamp } from './packet-stamp.js';
import type { ExamPart } from './shares/exam-part.js';
import { mergeDirections } from './shares/merge-directions.js';
import type { InnerOwners } from './shares/inner-owners.js';
import {
  byFirst,
  mergeChecksums,
  mergeFlooded,
  mergeFrames,
  mergeReserved,
  stormsInOrder,
  tracesInOrder,
} from './shares/merge-rows.js';
import { MAX_CONNECTIONS, MAX_REPEATING, TcpWatch } from './tcp-watch.js';
import { isIcmp, quotesTunnel, TooBigWatch } from './too-big-watch.js';
import { GOSSIP_PORT, TunnelWatch } from './tunnel-watch.js';

const ETHERNET_TYPE_AT = 12;
const NANO = 1e9;
/** In place of `OwnedBy`, in an exam of all packets. */
const NOT_SHARED = -1;
/** Bits of `DirectionColumns.ownedBy` that are of DNS begin here. */
const DNS_BITS = 3;
/** Rows of tables: VTEPs, connections, sides that repeat data, queries, servers, frames, checksums, headers, homes. */
const LIMITS = [
  MAX_TUNNELS,
  MAX_CONNECTIONS,
  MAX_REPEATING,
  MAX_PENDING,
  MAX_EVENT_ROWS,
  MAX_EVENT_ROWS,
  MAX_EVENT_ROWS,
  MAX_EVENT_ROWS,
  MAX_HOMES,
];

/** Options of an exam. */
export interface CaptureExamOptions extends SurveyOptions {
  /**
   * Whether to keep what identifies each packet, to find it in other captures (`matchCaptures`). It takes a quarter more time.
   * @default false
   */
  readonly trace?: boolean;
  /**
   * Maximum number of packets that are kept for it, at 25 bytes each.
   * @default 1048576
   */
  readonly maxTracePackets?: number;
}

/**
 * Examines a capture batch by batch. Its memory is bounded: beyond that of a survey, at most 30 MB, and
 * 25 MB for a trace of 1,000,000 packets. Tables that are full are reported.
 * @example
 * import { batchesOf, openCaptureFile } from 'vtep/capture';
 * import { CaptureExam } from 'vtep/doctor';
 *
 * const exam = new CaptureExam();
 * const source = await openCaptureFile('wire.pcap');
 * for await (const batch of batchesOf(source)) exam.addBatch(batch);
 * const { fragments, spis } = exam.report(source);
 * console.log(fragments, spis);
 */
export class CaptureExam {
  /** The survey; its decoder holds what the last packet of `addBatch` is. */
  readonly survey: Survey;
  readonly #hasKeys: boolean;
  readonly #ports: readonly number[];
  readonly #stamp: PacketStamp = { number: 0, seconds: Number.NaN, elapsed: Number.NaN };
  readonly #tunnels = new AddressPairs(MAX_TUNNELS);
  readonly #pairs = new AddressPairs(MAX_PAIRS, MAX_PAIRS / 2);
  readonly #traffic = new TunnelWatch(this.#tunnels);
  readonly #fragments: FragmentWatch;
  readonly #outerTooBig = new TooBigWatch(this.#tunnels, true);
  readonly #innerTooBig = new TooBigWatch(this.#pairs, false);
  readonly #checksums = new ChecksumWatch(this.#tunnels);
  readonly #esp = new EspWatch(this.#tunnels);
  #endpoints = new EndpointWatch(this.#pairs, this.#tunnels);
  readonly #tcp = new TcpWatch(this.#pairs);
  readonly #dns = new DnsWatch(this.#pairs);
  readonly #headers = new HeaderWatch(this.#tunnels);
  readonly #trace: CaptureTrace | undefined;
  /** Time of the first packet that has one. */
  #startSeconds = Number.NaN;
  #startNanoseconds = 0;
  /** The earliest and the latest time. */
  #first = Number.NaN;
  #last = Number.NaN;
  #reassembled = 0;
  /** Whether a packet has no time, or an earlier one than the one before it. */
  #disordered = false;
  /** Packets up to the end of each file that ended, and the time of its first packet. */
  readonly #ends: number[] = [];
  readonly #starts: number[] = [];
  #fileStart = Number.NaN;
  /** What other threads found. */
  #parts: readonly ExamPart[] = [];
  /** Packets of the capture so far, if several threads examine it; by what the owner of the packet was chosen. */
  #packets = 0;
  #ownedBy: number = NOT_SHARED;
  readonly #own = new Int32Array(BATCH_PACKETS);
  /** By pair: bits of `DirectionColumns.ownedBy`. */
  readonly #owned = new Uint8Array(MAX_PAIRS);

  /** @throws VtepError `BAD_INDEX` for a limit below 1 */
  constructor(options: CaptureExamOptions = {}) {
    const { trace = false, maxTracePackets = MAX_TRACE_PACKETS, ...survey } = options;
    this.survey = new Survey(survey);
    this.#hasKeys = options.esp !== undefined;
    this.#ports = [options.port ?? VXLAN_PORT].flat();
    this.#fragments = new FragmentWatch(this.#tunnels, this.#ports);
    this.#trace = trace ? new CaptureTrace(this.#tunnels, maxTracePackets) : undefined;
  }

  /**
   * Prepares this exam for one share of a capture's packets.
   * @param start that of a survey of all packets
   * @internal
   */
  begin(start: SurveyStart): void {
    this.survey.begin(start);
  }

  /**
   * Examines the packets of a batch that belong to one of several threads; the first one also has all times.
   * @internal
   */
  addShare(batch: CaptureBatch, owners: InnerOwners, worker: number): void {
    const { survey } = this;
    const stamp = this.#stamp;
    const own = this.#own;
    const before = this.#packets;
    const count = owners.select(batch, worker, own);
    if (worker === 0) survey.addOrders(batch);
    let next = 0;
    for (let i = 0; i < batch.count; i++) {
      this.#stampOf(batch, i);
      if (next === count || own[next] !== i) continue;
      next++;
      stamp.number = before + i + 1;
      this.#ownedBy = owners.ownedBy(batch, i);
      this.#examine(survey.addOwn(batch, i));
    }
    survey.endShare(batch, own, count);
    this.#packets = before + batch.count;
  }

  /**
   * What was found in a share, for `merge` in the first thread.
   * @internal
   */
  part(): ExamPart {
    return {
      survey: this.survey.part(),
      inexact: this.#isInexact,
      used: this.#used,
      frames: this.#traffic.framesReport(),
      wrongChecksums: this.#checksums.report(),
      directions: this.#endpoints.columns(this.#owned),
      tcp: this.#tcp.report(),
      storms: this.#tcp.stormsReport(),
      unansweredQueries: this.#dns.report(this.#last),
      reservedBits: this.#headers.reservedReport(),
      flooded: this.#headers.floodedReport(),
    };
  }

  /**
   * Adds what other threads found; no packet may be added afterwards.
   * @returns whether the report is now exactly that of an exam of all packets. If not, examine them in one thread
   * @internal
   */
  merge(parts: readonly ExamPart[]): boolean {
    if (this.#isInexact || this.#trace !== undefined || parts.some(({ inexact }) => inexact)) return false;
    const used = this.#used.map((rows, i) => parts.reduce((sum, part) => sum + part.used[i], rows));
    if (used.some((rows, i) => rows >= LIMITS[i])) return false;
    const columns = [this.#endpoints.columns(this.#owned), ...parts.map(({ directions }) => directions)];
    const endpoints = mergeDirections(columns, this.#tunnels, MAX_PAIRS - this.#pairs.outside);
    if (endpoints === undefined) return false;
    this.#endpoints = endpoints;
    this.#parts = parts;
    return this.survey.merge(parts.map(({ survey }) => survey));
  }

  /** Examines every packet of a batch. */
  addBatch(batch: CaptureBatch): void {
    for (let i = 0; i < batch.count && i < BATCH_PACKETS; i++) {
      this.#next(batch, i);
      this.#examine(this.survey.addOf(batch, i));
    }
    this.survey.endBatch(batch);
  }

  /**
   * Examines one packet of a batch; `survey.decoder` and `survey.inner` then say what it is.
   * @returns its verdict
   */
  add(batch: CaptureBatch, index: number): Verdict {
    this.#next(batch, index);
    const verdict = this.survey.add(batch, index);
    this.#examine(verdict);
    return verdict;
  }

  /**
   * Ends a file of a capture in several files: what follows are packets of the next one. Everything that spans files is followed
   * across them, and packets are numbered by file.
   */
  endFile(): void {
    this.#ends.push(this.#packetCount);
    this.#starts.push(this.#fileStart);
    this.#fileStart = Number.NaN;
  }

  /**
   * Returns everything that was found. No packet may be added afterwards.
   * @param read the capture that it was found in, or its files in order, between which `endFile` was called
   */
  report(read: PacketSource | readonly [PacketSource, ...PacketSource[]]): CaptureEvidence {
    const sources = 'name' in read ? ([read] as const) : read;
    const survey = this.survey.report(sources);
    const damaged = sources.find(({ damage }) => damage !== undefined);
    const parts = this.#parts;
    const frames = mergeFrames([...this.#traffic.framesReport(), ...parts.flatMap((part) => part.frames)]);
    const wrongChecksums = [...this.#checksums.report(), ...parts.flatMap((part) => part.wrongChecksums)];
    const queries = [...this.#dns.report(this.#last), ...parts.flatMap((part) => part.unansweredQueries)];
    const storms = [...this.#tcp.stormsReport(), ...parts.flatMap((part) => part.storms)];
    const first = Number.isNaN(this.#first) ? undefined : this.#first;
    const last = Number.isNaN(this.#last) ? undefined : this.#last;
    return {
      file: sources[0].name,
      ...(sources.length > 1 && { files: this.#filesOf(sources) }),
      survey,
      firstSeconds: first,
      lastSeconds: last,
      damage: damaged?.damage?.message,
      hasKeys: this.#hasKeys,
      frames,
      traffic: this.#traffic.trafficReport(),
      fragments: this.#fragments.report(this.#last),
      tooBig: [...this.#outerTooBig.report(), ...this.#innerTooBig.report()],
      wrongChecksums: withTotals(mergeChecksums(wrongChecksums), frames),
      spis: this.#esp.report(survey.esp),
      pairs: this.#endpoints.pairsReport(),
      homes: this.#endpoints.homesReport(),
      tcp: tracesInOrder([...this.#tcp.report(), ...parts.flatMap((part) => part.tcp)]),
      storms: stormsInOrder(storms),
      unansweredQueries: byFirst(queries),
      reservedBits: mergeReserved([...this.#headers.reservedReport(), ...parts.flatMap((part) => part.reservedBits)]),
      flooded: mergeFlooded([...this.#headers.floodedReport(), ...parts.flatMap((part) => part.flooded)]),
      unlisted: this.#unlisted,
      trace: this.#trace,
    };
  }

  /** Number of packets so far. */
  get #packetCount(): number {
    return Math.max(this.#stamp.number, this.#packets);
  }

  #filesOf(sources: readonly PacketSource[]): ExaminedFile[] {
    const ends = [...this.#ends.slice(0, sources.length - 1), this.#packetCount];
    const starts = [...this.#starts, this.#fileStart];
    return sources.map(({ name, damage }, i) => ({
      name,
      packets: ends[i] - (i === 0 ? 0 : ends[i - 1]),
      firstSeconds: Number.isNaN(starts[i]) ? undefined : starts[i],
      damage: damage?.message,
    }));
  }

  #next(batch: CaptureBatch, index: number): void {
    this.#stamp.number++;
    this.#stampOf(batch, index);
  }

  /** Takes the time of a packet. */
  #stampOf(batch: CaptureBatch, index: number): void {
    if (batch.noTimestamp[index] === 0) this.#time(batch.seconds[index], batch.nanoseconds[index]);
    else {
      this.#stamp.seconds = Number.NaN;
      this.#stamp.elapsed = Number.NaN;
      this.#disordered = true;
    }
  }

  /** Examines the packet that the survey counted last. */
  #examine(verdict: Verdict): void {
    const stamp = this.#stamp;
    const { decoder } = this.survey;
    const { outer } = decoder;
    if (outer.family === 0) return;
    // A node's other traffic has no tunnels, and would fill their list.
    if (verdict === Verdict.Other && !decoder.encrypted && decoder.parts === 1) {
      this.#addOther();
      return;
    }
    const tunnel = this.#tunnel();
    if (tunnel < 0) return;
    if (decoder.encrypted) this.#addEsp(tunnel, verdict);
    else if (decoder.vni >= 0) this.#outerTooBig.check(stamp, tunnel, decoder.outerBytes, outer);
    if (decoder.parts > 1) this.#addReassembled(tunnel);
    if (decoder.vni >= 0) this.#addFrame(tunnel, verdict);
    else if (verdict === Verdict.Other) this.#addOther();
    else if (verdict === Verdict.Held) this.#addFragment(tunnel, true);
    else if (verdict === Verdict.Dropped) this.#addDropped(tunnel);
  }

  /** The id of the direction between the packet's VTEPs; -1 if there are too many. */
  #tunnel(): number {
    const { encrypted, espFamily, espAddresses, outer, outerBytes } = this.survey.decoder;
    return encrypted
      ? this.#tunnels.of(OUTSIDE, espFamily, espAddresses, 0)
      : this.#tunnels.of(OUTSIDE, outer.family, outerBytes, outer.addressOffset);
  }

  #time(whole: number, nanoseconds: number): void {
    if (Number.isNaN(this.#startSeconds)) {
      this.#startSeconds = whole;
      this.#startNanoseconds = nanoseconds;
    }
    const seconds = whole + nanoseconds / NANO;
    if (Number.isNaN(this.#fileStart)) this.#fileStart = seconds;
    this.#stamp.seconds = seconds;
    this.#stamp.elapsed = whole - this.#startSeconds + (nanoseconds - this.#startNanoseconds) / NANO;
    if (!(seconds < this.#last)) this.#last = seconds;
    else this.#disordered = true;
    if (!(seconds >= this.#first)) this.#first = seconds;
  }

  #addEsp(tunnel: number, verdict: Verdict): void {
    const { decoder } = this.survey;
    const stamp = this.#stamp;
    this.#traffic.addEsp(stamp, tunnel);
    this.#esp.add(stamp, tunnel, decoder, verdict, this.survey.lastNonce);
    this.#trace?.addEsp(stamp, tunnel, decoder.spi, decoder.sequence, decoder.ivLow, decoder.espBytes);
  }

  #addFrame(tunnel: number, verdict: Verdict): void {
    const { decoder, inner, wrongChecksums } = this.survey;
    const { outerBytes: bytes, frameOffset, frameEnd, vni, outer } = decoder;
    const stamp = this.#stamp;
    const end = Math.min(frameEnd, decoder.capturedEnd);
    this.#traffic.addFrame(stamp, tunnel, vni, decoder.opened, inner, frameEnd - frameOffset);
    if (verdict === Verdict.Frame && wrongChecksums !== 0) this.#checksums.add(stamp, tunnel, decoder, wrongChecksums);
    if (!decoder.encrypted) {
      const length = outer.networkEnd - outer.networkOffset;
      this.#trace?.addFrame(stamp, tunnel, bytes, frameOffset, end, inner, length);
    }
    if (frameOffset + ETHERNET_TYPE_AT > end) return;
    if (inner.etherType === EtherType.Arp) this.#headers.addArp(stamp, tunnel, vni);
    else if ((bytes[frameOffset] & 1) !== 0) this.#headers.addGroup(stamp, tunnel, vni, bytes[frameOffset] === 0xff);
    if (inner.headerError !== HeaderError.None || inner.family === 0) return;
    const pair = this.#pairs.of(vni, inner.family, bytes, inner.addressOffset);
    if (pair < 0) return;
    this.#endpoints.add(stamp, pair, tunnel, bytes, frameOffset, inner, end);
    this.#addInner(pair, vni, bytes, inner, end);
  }

  /** Takes an IP packet of a container, whether it was in VXLAN or not. */
  #addInner(pair: number, scope: number, bytes: Uint8Array, layers: Layers, end: number): void {
    const stamp = this.#stamp;
    this.#innerTooBig.check(stamp, pair, bytes, layers);
    const { protocol, isFragment } = layers;
    if (protocol === IpProtocol.Udp) {
      if (isFragment && layers.fragmentOffset > 0) return;
      const isDns = this.#dns.add(stamp, pair, bytes, layers.transportOffset, Math.min(end, layers.networkEnd));
      if (isDns && this.#ownedBy !== NOT_SHARED) this.#note(pair, DNS_BITS);
    } else if (isFragment) return;
    else if (protocol === IpProtocol.Tcp) {
      this.#tcp.add(stamp, pair, bytes, layers);
      if (this.#ownedBy !== NOT_SHARED) this.#note(pair, 0);
    } else if (isIcmp(layers)) this.#innerTooBig.add(stamp, pair, scope, bytes, layers, end);
  }

  /** Notes by what the owner of a packet was chosen that others depend on: they must all be the same thread's. */
  #note(pair: number, bits: number): void {
    this.#owned[pair >> 1] |= 1 << (bits + this.#ownedBy);
  }

  /** Packets or events that aren't listed because a table is full. */
  get #unlisted(): number {
    const watches = [
      this.#tunnels,
      this.#pairs,
      this.#traffic,
      this.#fragments,
      this.#outerTooBig,
      this.#innerTooBig,
      this.#checksums,
      this.#esp,
      this.#endpoints,
      this.#tcp,
      this.#dns,
      this.#headers,
    ];
    return watches.reduce((sum, { unlisted }) => sum + unlisted, 0);
  }

  /**
   * Whether a share can't be merged exactly: what is listed depends on all packets, times do not ascend, an endpoint moved, or a
   * message about sizes concerns packets of other threads.
   */
  get #isInexact(): boolean {
    const messages = this.#outerTooBig.size + this.#innerTooBig.size;
    return this.#unlisted > 0 || this.#disordered || this.#endpoints.moved || messages > 0;
  }

  /** Rows in use, in the order of `LIMITS`. */
  get #used(): number[] {
    const { mostPending, size } = this.#dns;
    const tables = [this.#traffic, this.#checksums, this.#headers, this.#endpoints].map((watch) => watch.size);
    return [this.#tunnels.span / 2, ...this.#tcp.size, mostPending, size, ...tables];
  }

  #addOther(): void {
    const { decoder } = this.survey;
    const { outer, outerBytes: bytes, capturedEnd } = decoder;
    if (outer.headerError !== HeaderError.None || outer.isFragment) return;
    const stamp = this.#stamp;
    const { protocol, sourcePort, destinationPort } = outer;
    const hasPorts = protocol === IpProtocol.Tcp || protocol === IpProtocol.Udp;
    if (hasPorts && (sourcePort === GOSSIP_PORT || destinationPort === GOSSIP_PORT)) {
      const tunnel = this.#tunnel();
      if (tunnel < 0) return;
      this.#traffic.addGossip(stamp, tunnel, protocol);
      if (protocol === IpProtocol.Tcp) this.#addGossipTcp(bytes, outer);
      this.#trace?.addGossip(stamp, tunnel, bytes, outer, capturedEnd);
      return;
    }
    if (isIcmp(outer) && quotesTunnel(bytes, outer, capturedEnd, this.#ports)) {
      const tunnel = this.#tunnel();
      if (tunnel >= 0) this.#outerTooBig.add(stamp, tunnel, OUTSIDE, bytes, outer, capturedEnd);
      return;
    }
    const pair = this.#pairs.of(OUTSIDE, outer.family, bytes, outer.addressOffset);
    if (pair < 0) return;
    this.#addInner(pair, OUTSIDE, bytes, outer, capturedEnd);
  }

  #addGossipTcp(bytes: Uint8Array, layers: Layers): void {
    const pair = this.#pairs.of(OUTSIDE, layers.family, bytes, layers.addressOffset);
    if (pair >= 0) this.#tcp.add(this.#stamp, pair, bytes, layers, false);
  }

  #addFragment(tunnel: number, held: boolean): void {
    const { decoder } = this.survey;
    // Fragments inside of ESP and of other encapsulations are those of their own senders.
    if (decoder.encrypted || decoder.depth > 0 || !decoder.outer.isFragment) return;
    this.#fragments.add(this.#stamp, tunnel, decoder.outerBytes, decoder.outer, decoder.capturedEnd, held);
  }

  /** Counts the fragment that completed a packet. */
  #addReassembled(tunnel: number): void {
    const { decoder } = this.survey;
    const wire = decoder.reassembly.of(FragmentSource.Wire);
    if (wire.datagrams === this.#reassembled) return;
    this.#reassembled = wire.datagrams;
    const { bytes, start } = wire;
    const isIpv4 = bytes[start] >>> 4 === 4;
    const identification = isIpv4 ? (bytes[start + 4] << 8) | bytes[start + 5] : decoder.outer.identification;
    const protocol = decoder.encrypted ? IpProtocol.Esp : decoder.outer.protocol;
    this.#fragments.complete(this.#stamp, tunnel, protocol, identification, !decoder.encrypted && decoder.vni >= 0);
  }

  #addDropped(tunnel: number): void {
    const { decoder } = this.survey;
    const { reason, outer, outerBytes } = decoder;
    if (reason === DropReason.VxlanReservedBits) {
      this.#headers.addReserved(this.#stamp, tunnel, outerBytes, outer.payloadOffset);
    } else if (decoder.parts === 1) this.#addFragment(tunnel, false);
  }
}
