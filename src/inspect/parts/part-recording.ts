/** Counts and records the packets of one file for the survey of all files. */
import type { CaptureBatch } from '../../capture/portable.js';
import { type VniCounts, Verdict } from '../../dataplane/index.js';
import type { TunnelPart } from '../shares/survey-part.js';
import { Survey, type SurveyStart } from '../survey.js';
import type { SurveyOptions } from '../survey-options.js';
import { EspRecords } from './esp-records.js';
import {
  type EndpointPart,
  type FilePart,
  type GuessRow,
  PART_VERSION,
  type Placed,
  type VniRow,
} from './file-part.js';
import { FlowRecords } from './flow-records.js';
import { GossipRecords } from './gossip-records.js';
import { withRoom } from './growing.js';
import { PacketRecords } from './packet-records.js';
import { RowPlaces } from './placed-rows.js';
import { RisingTimes } from './rising-times.js';
import type { PartRecords, SurveyTables } from './survey-tables.js';

/** Maximum number of bytes of all records of a part: with its tables, it fits a message of the queue (256 MiB). */
export const MAX_PART_BYTES = 192 * 1024 * 1024;
/** Maximum number of bytes of the packets that are held back. */
export const MAX_HELD_BYTES = 64 * 1024 * 1024;
const MAX_ROWS = 65_536;
const FIRST_HELD = 16;

/**
 * What a `PartSurvey` knows of its file: a survey from an empty state, and records of what only makes sense with the packets
 * of other files.
 */
export class PartRecording {
  readonly #survey: Survey;
  readonly #tables: SurveyTables;
  readonly #records: PartRecords;
  readonly #withKeys: boolean;
  readonly #withGossip: boolean;
  readonly #times = new RisingTimes();
  readonly #held = new PacketRecords();
  #heldEsp = new Int32Array(FIRST_HELD);
  #heldGossip = new Int32Array(FIRST_HELD);
  #heldFlows = new Int32Array(FIRST_HELD);
  readonly #places = {
    tunnels: new RowPlaces(),
    endpoints: new RowPlaces(),
    traffic: new RowPlaces(),
    filtered: new RowPlaces(),
    reserved: new RowPlaces(),
    encapsulations: new RowPlaces(),
    guesses: new Map<number, RowPlaces>(),
  };
  #start: SurveyStart | undefined;
  #isTooLarge = false;

  /** @param options as of `PartSurvey` */
  constructor(options: SurveyOptions = {}) {
    const gossip = new GossipRecords();
    const flows = new FlowRecords();
    let esp: EspRecords | undefined;
    this.#survey = new Survey(options, (addresses) => {
      esp = new EspRecords(addresses, options.maxRows ?? MAX_ROWS, options.esp);
      return { esp, gossip, flows };
    });
    this.#tables = this.#survey.tables;
    this.#tables.decoder.leavesFragments = true;
    esp ??= new EspRecords(this.#tables.frames.addresses, 1, undefined);
    this.#records = { esp, gossip, flows };
    this.#withKeys = options.esp !== undefined;
    this.#withGossip = options.gossip !== undefined;
  }

  /** Sets when the traffic over time begins. */
  begin(start: SurveyStart): void {
    this.#start = start;
    this.#survey.begin(start);
  }

  /** Counts every packet of a batch. */
  addBatch(batch: CaptureBatch): void {
    const survey = this.#survey;
    for (let i = 0; i < batch.count; i++) {
      if (survey.addOf(batch, i) === Verdict.Held) this.#hold(batch, i);
      if (batch.noTimestamp[i] === 0) this.#times.add(batch.seconds[i], batch.nanoseconds[i]);
    }
    survey.endBatch(batch);
  }

  /** Whether it can't be merged exactly, whatever packets follow. */
  get isInexact(): boolean {
    const { decoder, frames, traffic, series } = this.#tables;
    const { addresses, networks, tunnels, endpoints } = frames;
    if (this.#isTooLarge || this.#bytes > MAX_PART_BYTES) return true;
    if (series.unlisted > 0 || (series.start !== undefined && this.#start === undefined)) return true;
    // What a full table lists depends on the packets of other files.
    const { esp } = this.#records;
    return [addresses, networks, tunnels, endpoints, traffic, decoder.guess, esp].some(({ full }) => full);
  }

  /**
   * What was found.
   * @param packets number of packets of the file
   */
  part(packets: number): FilePart {
    const { decoder, frames, traffic, series, wireSizes, order, encapsulated } = this.#tables;
    const { esp, gossip, flows } = this.#records;
    const held = this.#held.count;
    const places = this.#places;
    const text = (id: number): string => frames.addresses.text(id);
    const tunnels = frames.tunnels.rows.map(({ source, destination, vnis, ...row }): TunnelPart => ({
      source: text(source),
      destination: text(destination),
      frames: row.frames,
      bytes: row.bytes,
      espPackets: row.espPackets,
      espBytes: row.espBytes,
      vnis: [...vnis],
    }));
    const endpoints = frames.endpoints.rows.map((row): EndpointPart => ({
      ...row,
      vtep: text(row.vtep),
      firstVtep: row.firstVtep < 0 ? undefined : text(row.firstVtep),
    }));
    return {
      version: PART_VERSION,
      packets,
      inexact: this.isInexact || this.#hasUnlisted,
      withKeys: this.#withKeys,
      withGossip: this.#withGossip,
      withFlows: this.#survey.collectsFlows,
      start: this.#start,
      order: order.part(),
      times: this.#times.part(),
      decoder: decoder.sums(),
      frames: frames.counts,
      networks: frames.networks.rows,
      tunnels: places.tunnels.place(tunnels, held),
      endpoints: places.endpoints.place(endpoints, held),
      traffic: places.traffic.place(traffic.rows, held),
      filtered: places.filtered.place(vniRows(decoder.filtered), held),
      reserved: places.reserved.place(vniRows(decoder.reserved), held),
      guesses: this.#guesses(held),
      encapsulated: encapsulated.packets,
      encapsulations: places.encapsulations.place(
        [...encapsulated.kinds].map((kind) => ({ kind })),
        held,
      ),
      wireSizes: wireSizes.part(),
      innerSizes: frames.sizes.part(),
      checksums: frames.checksums?.rows ?? [],
      series: series.part(),
      held: {
        packets: this.#held.columns(),
        esp: this.#heldEsp.slice(0, held),
        gossip: this.#heldGossip.slice(0, held),
        flows: this.#heldFlows.slice(0, held),
      },
      esp: esp.columns(),
      gossip: gossip.packets.columns(),
      flows: flows.packets.columns(),
      outside: { withoutIp: flows.withoutIp, unreadable: flows.unreadable },
    };
  }

  /** Bytes of all records. */
  get #bytes(): number {
    const { esp, gossip, flows } = this.#records;
    return this.#times.bytes + this.#held.bytes + esp.bytes + gossip.packets.bytes + flows.packets.bytes;
  }

  /** Whether VNIs aren't all counted separately. */
  get #hasUnlisted(): boolean {
    const { filtered, reserved, guess } = this.#tables.decoder;
    return [filtered, reserved, ...guess.byPort.values()].some(hasUnlisted);
  }

  #hold(batch: CaptureBatch, i: number): void {
    const held = this.#held;
    if (held.bytes > MAX_HELD_BYTES) {
      this.#isTooLarge = true;
      return;
    }
    const index = held.count;
    const { esp, gossip, flows } = this.#records;
    if (index === this.#heldEsp.length) {
      this.#heldEsp = withRoom(this.#heldEsp, 2 * index);
      this.#heldGossip = withRoom(this.#heldGossip, 2 * index);
      this.#heldFlows = withRoom(this.#heldFlows, 2 * index);
    }
    this.#heldEsp[index] = esp.count;
    this.#heldGossip[index] = gossip.packets.count;
    this.#heldFlows[index] = flows.packets.count;
    this.#mark(index);
    const captured = batch.capturedLength[i];
    const length = batch.originalLength[i];
    const seconds = batch.noTimestamp[i] === 0 ? batch.seconds[i] : Number.NaN;
    held.add(
      batch.bytes,
      batch.offset[i],
      captured,
      captured,
      length,
      length,
      batch.linkType[i],
      seconds,
      batch.nanoseconds[i],
    );
  }

  /** Records which rows there are when another packet is held back. */
  #mark(held: number): void {
    const { decoder, frames, traffic, encapsulated } = this.#tables;
    const places = this.#places;
    places.tunnels.mark(frames.tunnels.rows.length, held);
    places.endpoints.mark(frames.endpoints.rows.length, held);
    places.traffic.mark(traffic.size, held);
    places.filtered.mark(decoder.filtered.byVni.size, held);
    places.reserved.mark(decoder.reserved.byVni.size, held);
    places.encapsulations.mark(encapsulated.kinds.size, held);
    for (const [port, counts] of decoder.guess.byPort) {
      let rows = places.guesses.get(port);
      if (rows === undefined) {
        rows = new RowPlaces();
        places.guesses.set(port, rows);
      }
      rows.mark(counts.byVni.size, held);
    }
  }

  /** The guesses by port and VNI, in the order of their first packets relative to those held back. */
  #guesses(held: number): Placed<GuessRow>[] {
    return [...this.#tables.decoder.guess.byPort]
      .flatMap(([port, counts]) => {
        const rows = vniRows(counts).map((row) => ({ ...row, port }));
        return (this.#places.guesses.get(port) ?? new RowPlaces()).place(rows, held);
      })
      .sort((a, b) => a.held - b.held);
  }
}

function vniRows({ byVni }: VniCounts): VniRow[] {
  return [...byVni].map(([vni, packets]) => ({ vni, packets }));
}

/** Whether there are packets of VNIs that aren't counted separately. */
function hasUnlisted({ packets, byVni }: VniCounts): boolean {
  let listed = 0;
  for (const count of byVni.values()) listed += count;
  return listed < packets;
}
