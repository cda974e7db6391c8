/** Counts a capture's packets: networks, VTEPs, endpoints, SPIs, sizes, problems. */
import { BATCH_PACKETS, type CaptureBatch } from '../capture/portable.js';
import { UnderlayDecoder, Verdict } from '../dataplane/index.js';
import type { InboundEsp } from '../ipsec/index.js';
import type { RingSa } from '../overlay/index.js';
import { type Encapsulation, type Layers } from '../wire/index.js';
import type { AddressTable } from './address-table.js';
import { CaptureOrder } from './capture-order.js';
import { EncapsulationCounts } from './encapsulation-counts.js';
import type { EspSink } from './esp-packet.js';
import { EspSurvey } from './esp-survey.js';
import { addFlow, type FlowSink } from './flows/flow-feed.js';
import { FlowTable } from './flows/flow-table.js';
import { SEALED_ESP, TrafficSeries } from './flows/traffic-series.js';
import { FrameSurvey } from './frame-survey.js';
import { type GossipSink, GossipSurvey } from './gossip/gossip-survey.js';
import type { NonceVerdict } from './nonce-table.js';
import type { SourceSummary } from './source-summary.js';
import type { OrderedTables, PartRecords, SurveyTables } from './parts/survey-tables.js';
import type { CipherReport, SurveyReport } from './report.js';
import type { AddressNames } from './services/address-names.js';
import type { PlainVxlan } from './shares/plain-vxlan.js';
import type { SurveyPart } from './shares/survey-part.js';
import { SurveyShare } from './shares/survey-shares.js';
import { SizeTable } from './size-table.js';
import type { SurveyOptions } from './survey-options.js';
import { surveyReport } from './survey-report.js';
import { TrafficTable } from './traffic-table.js';

/** When the traffic over time begins. */
export interface SurveyStart {
  readonly seconds: number;
  readonly nanoseconds: number;
}

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
  readonly #inbound: InboundEsp | undefined;
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
  readonly #order = new CaptureOrder();
  readonly #encapsulated = new EncapsulationCounts();
  // Where ESP, gossip and conversations go: to the tables, or to the records of a part.
  readonly #espSink: EspSink;
  readonly #gossipSink: GossipSink | undefined;
  readonly #flowSink: FlowSink | undefined;

  /** @throws VtepError `BAD_INDEX` for a limit below 1 */
  constructor(options?: SurveyOptions);

  /**
   * @param records of a survey of one file among many
   * @internal
   */
  constructor(options: SurveyOptions | undefined, records: (addresses: AddressTable) => PartRecords);

  constructor(options: SurveyOptions = {}, records?: (addresses: AddressTable) => PartRecords) {
    const rows = options.maxRows ?? 65_536;
    this.decoder = new UnderlayDecoder(options);
    this.#frames = new FrameSurvey(rows, options.checksums !== false);
    this.inner = this.#frames.inner;
    this.#esp = new EspSurvey(this.#frames.addresses, rows);
    this.#inbound = options.esp;
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
    const recorded = records?.(this.#frames.addresses);
    this.#espSink = recorded?.esp ?? this.#esp;
    this.#gossipSink = this.#gossip && (recorded?.gossip ?? this.#gossip);
    this.#flowSink = this.#flows && (recorded?.flows ?? this.#flows);
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
    return this.#espSink.nonce;
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
    if (worker === 0) for (let i = 0; i < batch.count; i++) this.#order.add(batch, i);
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
    for (let i = 0; i < batch.count; i++) this.#order.add(batch, i);
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

  /** @internal The tables, for a survey of one file among many. */
  get tables(): SurveyTables {
    return {
      decoder: this.decoder,
      frames: this.#frames,
      traffic: this.#traffic,
      series: this.#series,
      wireSizes: this.#wireSizes,
      order: this.#order,
      encapsulated: this.#encapsulated,
    };
  }

  /** @internal Whether conversations are collected: for the report, or for the load of services. */
  get collectsFlows(): boolean {
    return this.#flows !== undefined;
  }

  /** @internal What the packets of all files go through in order, for `PartMerge`. */
  get ordered(): OrderedTables {
    return {
      esp: this.#esp,
      inbound: this.#inbound,
      gossip: this.#gossip,
      flows: this.#flows,
      count: (batch) => {
        this.#count(batch, 0);
        this.#addToSeries(batch, 0);
        // The part has its size.
        this.#wireSizes.removeRepeated(batch.originalLength[0]);
      },
    };
  }

  #add(batch: CaptureBatch, index: number): Verdict {
    this.#order.add(batch, index);
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
      if (decoder.depth > 0) this.#encapsulated.add(this.decoder);
      this.#frames.add(decoder, verdict === Verdict.Frame);
      this.#seriesLength[index] = decoder.frameEnd - decoder.frameOffset;
    } else if (verdict === Verdict.Other) {
      this.#addOther(length);
      if (this.#gossipSink !== undefined) this.#addGossip(this.#gossipSink, batch, index);
      this.#seriesLength[index] = length;
    } else if (decoder.encrypted && !decoder.opened) {
      this.#seriesVni[index] = SEALED_ESP;
      this.#seriesLength[index] = decoder.espBytes;
    }
    if (this.#flowSink !== undefined) this.#addFlow(this.#flowSink, batch, index, verdict);
    return verdict;
  }

  /**
   * Returns everything that was counted.
   * @param read the capture that it was counted in, or several in the order in which they were read: packet sources, or
   *   the summaries of those that others read
   */
  report(read: SourceSummary | readonly [SourceSummary, ...SourceSummary[]]): SurveyReport {
    const surveyed = {
      ...this.tables,
      esp: this.#esp,
      gossip: this.#gossip,
      flows: this.#flows,
      listsFlows: this.#listsFlows,
      names: this.#names,
      ringSas: this.#ringSas,
      cipher: this.#cipher,
    };
    return surveyReport(surveyed, 'name' in read ? [read] : read);
  }

  #addToSeries(batch: CaptureBatch, index: number): void {
    const length = this.#seriesLength[index];
    if (length === 0 || batch.noTimestamp[index] !== 0) return;
    this.#series.add(this.#seriesVni[index], length, batch.seconds[index], batch.nanoseconds[index]);
  }

  #addFlow(table: FlowSink, batch: CaptureBatch, index: number, verdict: Verdict): void {
    const seconds = batch.noTimestamp[index] === 0 ? batch.seconds[index] : Number.NaN;
    const length = batch.originalLength[index];
    const { decoder, inner } = this;
    addFlow(table, decoder, verdict, inner, batch.linkType[index], length, seconds, batch.nanoseconds[index]);
  }

  #addEsp(verdict: Verdict): void {
    const esp = this.#espSink;
    esp.add(this.decoder, verdict);
    this.#frames.tunnels.addEsp(esp.source, esp.destination, this.decoder.espBytes);
    if (this.decoder.depth > 0 && this.decoder.vni < 0) this.#encapsulated.add(this.decoder);
  }

  #addOther(length: number): void {
    const { outer, outerBytes, capturedEnd, depth, encapsulations, parts } = this.decoder;
    if (outer.lengthUnset) this.#frames.counts.unsetLengths++;
    const kind = (depth === 0 ? 0 : encapsulations[0]) as Encapsulation;
    // Only the last fragment of a reassembled packet is available; the IP length covers all of them.
    const size = parts === 1 ? length : outer.networkEnd - outer.networkOffset;
    this.#traffic.add(outer, parts, size, outerBytes, capturedEnd, kind);
  }

  #addGossip(gossip: GossipSink, batch: CaptureBatch, index: number): void {
    const { outer, outerBytes, capturedEnd } = this.decoder;
    const seconds = batch.noTimestamp[index] === 0 ? batch.seconds[index] : Number.NaN;
    gossip.add(outerBytes, outer, capturedEnd, seconds, batch.nanoseconds[index]);
  }
}
