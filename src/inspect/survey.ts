/** Counts a capture's packets: networks, VTEPs, endpoints, SPIs, sizes, problems. */
import { BATCH_PACKETS, type CaptureBatch, linkTypeName, type PacketSource } from '../capture/portable.js';
import { FragmentSource, UnderlayDecoder, type UnderlayDecoderOptions, Verdict } from '../dataplane/index.js';
import type { GossipKeyring } from '../gossip/index.js';
import type { RingSa } from '../overlay/index.js';
import { type Encapsulation, type Layers } from '../wire/index.js';
import { formatTime } from './capture-clock.js';
import { decoderAccounting } from './decoder-accounting.js';
import { EspSurvey } from './esp-survey.js';
import { addFlow } from './flows/flow-feed.js';
import { type FlowReport, flowReport, timeSeriesReport } from './flows/flow-report.js';
import { FlowTable, type FlowTableOptions } from './flows/flow-table.js';
import { SEALED_ESP, TrafficSeries } from './flows/traffic-series.js';
import { FrameSurvey } from './frame-survey.js';
import { GossipSurvey } from './gossip/index.js';
import type { NonceVerdict } from './nonce-table.js';
import type { CipherReport, SizeReport, SurveyReport } from './report.js';
import type { AddressNames } from './services/address-names.js';
import type { PlainVxlan } from './shares/plain-vxlan.js';
import type { SurveyPart } from './shares/survey-part.js';
import { SurveyShare } from './shares/survey-shares.js';
import { SizeTable, sizeClassName } from './size-table.js';
import { gossipProblems, surveyProblems } from './survey-problems.js';
import { TrafficTable } from './traffic-table.js';

/** Options of a survey. */
export interface SurveyOptions extends UnderlayDecoderOptions {
  /**
   * Whether to verify checksums.
   * @default true
   */
  readonly checksums?: boolean;
  /**
   * Maximum number of rows of each table; what doesn't fit is only counted.
   * @default 65536
   */
  readonly maxRows?: number;
  /**
   * Whether to list conversations, or the options of their table.
   * @default false
   */
  readonly flows?: boolean | FlowTableOptions;
  /**
   * Names of addresses, for the report. With them, conversations are collected to find the load of services.
   * @default undefined: addresses have no names
   */
  readonly names?: AddressNames | undefined;
  /** The SAs derived from a key ring, for the report. */
  readonly ringSas?: readonly RingSa[];
  /**
   * Keys of the swarm's gossip. With them, the report says what the gossip does.
   * @default undefined: gossip is other traffic
   */
  readonly gossip?: GossipKeyring | undefined;
  /** The cipher implementation that decrypts ESP, for the report. */
  readonly cipher?: CipherReport;
}

/** When the traffic over time begins. */
export interface SurveyStart {
  readonly seconds: number;
  readonly nanoseconds: number;
}

type EndpointReport = SurveyReport['endpoints'][number];

/**
 * Statistics of a capture, collected batch by batch in bounded memory.
 * @example
 * import { batchesOf, openCaptureFile } from 'vtep/capture';
 * import { Survey } from 'vtep/inspect';
 *
 * const survey = new Survey();
 * const source = await openCaptureFile('wire.pcap');
 * for await (const batch of batchesOf(source)) survey.addBatch(batch);
 * const { networks, problems } = survey.report(source);
 * console.log(networks, problems);
 */
export class Survey {
  /** Holds what the last packet of `add` is. */
  readonly decoder: UnderlayDecoder;
  /** Layers of the last inner frame; valid after a packet whose `decoder.vni` isn't -1. */
  readonly inner: Layers;

  readonly #frames: FrameSurvey;
  readonly #esp: EspSurvey;
  readonly #ringSas: readonly RingSa[];
  readonly #cipher: CipherReport | null;
  readonly #traffic = new TrafficTable();
  readonly #series = new TrafficSeries();
  /** Of each packet of the batch: the VNI, or -1, and the length that the series counts, or 0 for none. */
  readonly #seriesVni = new Int32Array(BATCH_PACKETS);
  readonly #seriesLength = new Int32Array(BATCH_PACKETS);
  readonly #flows: FlowTable | undefined;
  /** Whether conversations are in the report. */
  readonly #listsFlows: boolean;
  readonly #names: AddressNames | undefined;
  readonly #gossip: GossipSurvey | undefined;
  readonly #wireSizes = new SizeTable();
  readonly #share: SurveyShare;
  /** Indices of the batch's packets that are counted here, if several threads count. */
  readonly #own = new Int32Array(BATCH_PACKETS);
  readonly #linkTypes = new Set<number>();
  #lastLinkType = -1;
  #firstSeconds = Number.NaN;
  #firstNanos = 0;
  #lastSeconds = Number.NaN;
  #lastNanos = 0;
  #backwards = 0;
  #encapsulated = 0;
  readonly #encapsulations = new Set<number>();

  /** @throws VtepError `BAD_INDEX` for a limit below 1 */
  constructor(options: SurveyOptions = {}) {
    const rows = options.maxRows ?? 65_536;
    this.decoder = new UnderlayDecoder(options);
    this.#frames = new FrameSurvey(rows, options.checksums !== false);
    this.inner = this.#frames.inner;
    this.#esp = new EspSurvey(this.#frames.addresses, rows);
    this.#ringSas = options.ringSas ?? [];
    this.#cipher = options.cipher ?? null;
    const { decoder } = this;
    this.#share = new SurveyShare({
      decoder,
      frames: this.#frames,
      wireSizes: this.#wireSizes,
      series: this.#series,
    });
    const { flows = false, names } = options;
    this.#listsFlows = flows !== false;
    this.#names = names;
    this.#gossip = options.gossip && new GossipSurvey(options.gossip, { maxRows: rows });
    const collects = flows !== false || names?.topology.services !== undefined;
    this.#flows = collects ? new FlowTable(typeof flows === 'boolean' ? {} : flows) : undefined;
  }

  /** Counts every packet of a batch. */
  addBatch(batch: CaptureBatch): void {
    for (let i = 0; i < batch.count; i++) this.#add(batch, i);
    this.endBatch(batch);
  }

  /**
   * Counts one packet of a batch, like `add`, but leaves the traffic over time to `endBatch`.
   * @internal
   */
  addOf(batch: CaptureBatch, index: number): Verdict {
    return this.#add(batch, index);
  }

  /**
   * Counts the traffic over time of a batch whose packets `addOf` got. It is a loop of its own: in the one over the packets, V8
   * would inline it instead of something that takes longer.
   * @internal
   */
  endBatch(batch: CaptureBatch): void {
    for (let i = 0; i < batch.count; i++) this.#addToSeries(batch, i);
  }

  /**
   * Counts one packet of a batch.
   * @returns its verdict
   */
  add(batch: CaptureBatch, index: number): Verdict {
    const verdict = this.#add(batch, index);
    this.#addToSeries(batch, index);
    return verdict;
  }

  /**
   * The wrong checksums of the last packet and its frame: a bit per index of `CHECKSUM_NAMES`. Valid after a packet whose
   * whole frame was captured.
   * @internal
   */
  get wrongChecksums(): number {
    return this.#frames.checksums?.wrong ?? 0;
  }

  /**
   * What the IV of the last packet is. Valid after an ESP packet.
   * @internal
   */
  get lastNonce(): NonceVerdict {
    return this.#esp.nonce;
  }

  /**
   * When the traffic over time begins; undefined before its first packet.
   * @internal
   */
  get start(): SurveyStart | undefined {
    return this.#series.start;
  }

  /**
   * Prepares this survey for one share of a capture's packets.
   * @param start that of a survey of all packets
   * @internal
   */
  begin(start: SurveyStart): void {
    this.#series.begin(start);
  }

  /**
   * Counts the packets of a batch that belong to one of several threads.
   * @param worker index of the thread; the first one also has what concerns all packets: their times
   * @internal
   */
  addShare(batch: CaptureBatch, owners: PlainVxlan, worker: number): void {
    const share = this.#share;
    const own = this.#own;
    const count = owners.select(batch, worker, own);
    if (worker === 0) for (let i = 0; i < batch.count; i++) this.#addOrder(batch, i);
    for (let i = 0; i < count; i++) {
      this.#count(batch, own[i]);
      share.follow(share.packets + own[i]);
    }
    for (let i = 0; i < count; i++) this.#addToSeries(batch, own[i]);
    share.packets += batch.count;
  }

  /**
   * Counts what concerns all packets of a batch, in the first of several threads. What they have in common with `addShare`:
   * each gets every batch, `addOwn` for its packets in order, and `endShare`.
   * @internal
   */
  addOrders(batch: CaptureBatch): void {
    for (let i = 0; i < batch.count; i++) this.#addOrder(batch, i);
  }

  /**
   * Counts a packet that belongs to this thread.
   * @internal
   */
  addOwn(batch: CaptureBatch, index: number): Verdict {
    const verdict = this.#count(batch, index);
    this.#share.follow(this.#share.packets + index);
    return verdict;
  }

  /**
   * Ends a batch.
   * @param own indices of the packets that `addOwn` got, and how many there are
   * @internal
   */
  endShare(batch: CaptureBatch, own: Int32Array, count: number): void {
    for (let i = 0; i < count; i++) this.#addToSeries(batch, own[i]);
    this.#share.packets += batch.count;
  }

  /**
   * What `addShare` counted, for `merge` in the first thread.
   * @internal
   */
  part(): SurveyPart {
    return this.#share.part();
  }

  /**
   * Adds what other threads counted; no packet may be added afterwards.
   * @returns whether the report is now exactly that of a survey of all packets. If not, survey them in one thread
   * @internal
   */
  merge(parts: readonly SurveyPart[]): boolean {
    return this.#share.merge(parts);
  }

  /**
   * Packets of the capture so far that `addShare` got, including those of other threads.
   * @internal
   */
  get sharedPackets(): number {
    return this.#share.packets;
  }

  #add(batch: CaptureBatch, index: number): Verdict {
    this.#addOrder(batch, index);
    return this.#count(batch, index);
  }

  #count(batch: CaptureBatch, index: number): Verdict {
    const { decoder } = this;
    const offset = batch.offset[index];
    const length = batch.originalLength[index];
    const linkType = batch.linkType[index];
    this.#wireSizes.add(length);
    const end = offset + batch.capturedLength[index];
    const verdict = decoder.receive(linkType, batch.bytes, offset, end, offset + length, batch.seconds[index]);
    if (decoder.encrypted) this.#addEsp(verdict);
    this.#seriesVni[index] = decoder.vni;
    this.#seriesLength[index] = 0;
    if (decoder.vni >= 0) {
      if (decoder.depth > 0) this.#addEncapsulated();
      this.#frames.add(decoder, verdict === Verdict.Frame);
      this.#seriesLength[index] = decoder.frameEnd - decoder.frameOffset;
    } else if (verdict === Verdict.Other) {
      this.#addOther(length);
      if (this.#gossip !== undefined) this.#addGossip(this.#gossip, batch, index);
      this.#seriesLength[index] = length;
    } else if (decoder.encrypted && !decoder.opened) {
      this.#seriesVni[index] = SEALED_ESP;
      this.#seriesLength[index] = decoder.espBytes;
    }
    if (this.#flows !== undefined) this.#addFlow(this.#flows, batch, index, verdict);
    return verdict;
  }

  /**
   * Returns everything that was counted.
   * @param read the capture that it was counted in, or several in the order in which they were read
   */
  report(read: PacketSource | readonly [PacketSource, ...PacketSource[]]): SurveyReport {
    const { decoder } = this;
    const sources = 'name' in read ? ([read] as const) : read;
    const [{ format }] = sources;
    const files = sources.map(({ name }) => name);
    const known = !Number.isNaN(this.#firstSeconds);
    const endpoints = new Map<number, number>();
    for (const row of this.#frames.endpoints.rows) endpoints.set(row.vni, (endpoints.get(row.vni) ?? 0) + 1);
    const text = (id: number): string => this.#frames.addresses.text(id);
    const named = this.#frames.endpoints.rows
      .map((row) => ({ ...row, ip: row.ip ?? null, vtep: text(row.vtep) }))
      .sort((a, b) => a.vni - b.vni)
      .map((row) => this.#nameEndpoint(row));
    const flows = this.#flowReport(named);
    const first = known ? { seconds: this.#firstSeconds, nanoseconds: this.#firstNanos } : undefined;
    const gossip = this.#gossip?.report(first, this.#names) ?? null;
    return {
      file: files.join(', '),
      files,
      format: sources.every((source) => source.format === format) ? format : 'mixed',
      linkTypes: [...this.#linkTypes].map(linkTypeName),
      packets: decoder.packets,
      bytes: this.#wireSizes.bytes,
      firstTime: known ? formatTime(this.#firstSeconds, this.#firstNanos) : null,
      lastTime: known ? formatTime(this.#lastSeconds, this.#lastNanos) : null,
      durationSeconds: known ? this.#lastSeconds - this.#firstSeconds + (this.#lastNanos - this.#firstNanos) / 1e9 : 0,
      accounting: decoderAccounting(decoder),
      filtered: decoder.filtered.vnis,
      vxlanPorts: decoder.guess.ports,
      frames: decoder.frames,
      networks: this.#frames.networks.rows
        .map((row) => ({ ...row, endpoints: endpoints.get(row.vni) ?? 0 }))
        .sort((a, b) => a.vni - b.vni),
      timeSeries: timeSeriesReport(this.#series),
      flows: this.#listsFlows ? (flows ?? null) : null,
      services: this.#names?.serviceLoad(flows?.conversations ?? []) ?? null,
      tunnels: this.#frames.tunnels.rows.map((row) => ({
        source: text(row.source),
        destination: text(row.destination),
        frames: row.frames,
        bytes: row.bytes,
        espPackets: row.espPackets,
        espBytes: row.espBytes,
        vnis: [...row.vnis].sort((a, b) => a - b),
      })),
      endpoints: named,
      esp: this.#esp.report(this.#ringSas),
      sizes: { wire: sizeReport(this.#wireSizes), inner: sizeReport(this.#frames.sizes) },
      fragments: {
        fragments: decoder.reassembly.of(FragmentSource.Wire).fragments,
        reassembled: decoder.reassembly.of(FragmentSource.Wire).datagrams,
        held: decoder.held,
        inner: this.#frames.counts.innerFragments,
      },
      checksums: this.#frames.checksums?.rows ?? [],
      otherTraffic: this.#traffic.rows.sort((a, b) => b.packets - a.packets),
      gossip,
      problems: [
        ...surveyProblems({
          sources,
          decoder,
          drops: decoder.drops.counts,
          frames: this.#frames,
          esp: this.#esp,
          ringSas: this.#ringSas,
          series: this.#series,
          flows: this.#flows,
          names: this.#names,
          endpoints: named,
          encapsulated: this.#encapsulated,
          encapsulations: this.#encapsulations,
          backwards: this.#backwards,
        }),
        ...gossipProblems(gossip),
      ],
      cipher: this.#cipher,
    };
  }

  /** Counts what depends on the order of all packets: their link types and times. */
  #addOrder(batch: CaptureBatch, index: number): void {
    const linkType = batch.linkType[index];
    if (linkType !== this.#lastLinkType) {
      this.#linkTypes.add(linkType);
      this.#lastLinkType = linkType;
    }
    if (batch.noTimestamp[index] === 0) this.#time(batch.seconds[index], batch.nanoseconds[index]);
  }

  #addToSeries(batch: CaptureBatch, index: number): void {
    const length = this.#seriesLength[index];
    if (length === 0 || batch.noTimestamp[index] !== 0) return;
    this.#series.add(this.#seriesVni[index], length, batch.seconds[index], batch.nanoseconds[index]);
  }

  #addFlow(table: FlowTable, batch: CaptureBatch, index: number, verdict: Verdict): void {
    const seconds = batch.noTimestamp[index] === 0 ? batch.seconds[index] : Number.NaN;
    const length = batch.originalLength[index];
    const { decoder, inner } = this;
    addFlow(table, decoder, verdict, inner, batch.linkType[index], length, seconds, batch.nanoseconds[index]);
  }

  #addEsp(verdict: Verdict): void {
    this.#esp.add(this.decoder, verdict);
    this.#frames.tunnels.addEsp(this.#esp.source, this.#esp.destination, this.decoder.espBytes);
    if (this.decoder.depth > 0 && this.decoder.vni < 0) this.#addEncapsulated();
  }

  #addOther(length: number): void {
    const { outer, outerBytes, capturedEnd, depth, encapsulations, parts } = this.decoder;
    if (outer.lengthUnset) this.#frames.counts.unsetLengths++;
    const kind = (depth === 0 ? 0 : encapsulations[0]) as Encapsulation;
    // Only the last fragment of a reassembled packet is available; the IP length covers all of them.
    const size = parts === 1 ? length : outer.networkEnd - outer.networkOffset;
    this.#traffic.add(outer, parts, size, outerBytes, capturedEnd, kind);
  }

  #addGossip(gossip: GossipSurvey, batch: CaptureBatch, index: number): void {
    const { outer, outerBytes, capturedEnd } = this.decoder;
    const seconds = batch.noTimestamp[index] === 0 ? batch.seconds[index] : Number.NaN;
    gossip.add(outerBytes, outer, capturedEnd, seconds, batch.nanoseconds[index]);
  }

  /** Records the encapsulations around VXLAN and ESP. */
  #addEncapsulated(): void {
    const { depth, encapsulations, parts } = this.decoder;
    this.#encapsulated += parts;
    for (let i = 0; i < depth; i++) this.#encapsulations.add(encapsulations[i]);
  }

  #time(seconds: number, nanos: number): void {
    if (seconds > this.#lastSeconds || (seconds === this.#lastSeconds && nanos >= this.#lastNanos)) {
      this.#lastSeconds = seconds;
      this.#lastNanos = nanos;
      return;
    }
    if (Number.isNaN(this.#lastSeconds)) {
      this.#lastSeconds = seconds;
      this.#lastNanos = nanos;
    } else {
      this.#backwards++;
      const earliest = seconds < this.#firstSeconds || (seconds === this.#firstSeconds && nanos < this.#firstNanos);
      if (!earliest) return;
    }
    this.#firstSeconds = seconds;
    this.#firstNanos = nanos;
  }

  #nameEndpoint(row: EndpointReport): EndpointReport {
    const names = this.#names;
    if (names === undefined) return row;
    const { vni, ip, vtep, sentFrames } = row;
    const name = ip === null ? undefined : names.find(vni, ip);
    const stale = name?.vtep !== undefined && sentFrames > 0 && name.vtep !== vtep;
    return { ...row, name: name?.text ?? null, stale };
  }

  /** The conversations with names; undefined if they weren't collected. */
  #flowReport(endpoints: readonly EndpointReport[]): FlowReport | undefined {
    const names = this.#names;
    if (this.#flows === undefined || names === undefined) return this.#flows && flowReport(this.#flows);
    const stale = new Set(endpoints.flatMap(({ vni, ip, stale: is }) => (is === true ? [`${vni} ${ip ?? ''}`] : [])));
    return flowReport(this.#flows, (vni, address) => {
      const name = names.find(vni, address)?.text;
      return name !== undefined && stale.has(`${vni ?? ''} ${address}`) ? `${name} (stale)` : name;
    });
  }
}

function sizeReport(table: SizeTable): SizeReport {
  return {
    count: table.packets,
    smallest: table.packets === 0 ? 0 : table.smallest,
    largest: table.largest,
    mean: table.packets === 0 ? 0 : table.bytes / table.packets,
    classes: Array.from(table.counts, (count, index) => ({ bytes: sizeClassName(index), count })),
  };
}
