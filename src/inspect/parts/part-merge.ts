/** Adds the parts of many files to one survey: in the order of packets where it matters, as sums where it doesn't. */
import { CaptureBatch } from '../../capture/portable.js';
import { Layers } from '../../wire/index.js';
import type { EndpointRow } from '../endpoint-table.js';
import type { Survey } from '../survey.js';
import { checkPart } from './check-part.js';
import { EspReplay } from './esp-replay.js';
import type { EndpointPart, FilePart, HeldPackets } from './file-part.js';
import { keptOfFlow } from './flow-records.js';
import { keptOfGossip } from './gossip-records.js';
import { PacketReader } from './packet-reader.js';
import { PlacedReader } from './placed-rows.js';
import { backwardsAfter } from './rising-times.js';
import type { OrderedTables, SurveyTables } from './survey-tables.js';
import { addressOf, macOf } from './text-addresses.js';

/** An endpoint of a part, and what was known of it before. */
interface MergedEndpoint {
  readonly part: EndpointPart;
  readonly row: EndpointRow;
  readonly sentFrames: number;
  readonly moves: number;
}

/**
 * Adds what a `PartSurvey` found in each file to a survey, in the order of the files: then its report is that of a survey of
 * all packets.
 */
export class PartMerge {
  readonly #tables: SurveyTables;
  readonly #ordered: OrderedTables;
  readonly #layers = new Layers({ fromCapture: true });
  readonly #batch = new CaptureBatch();
  readonly #address = new Uint8Array(16);
  #inexact = false;

  /** @param survey a new one, which gets no packets by itself */
  constructor(survey: Survey) {
    this.#tables = survey.tables;
    this.#ordered = survey.ordered;
  }

  /** Whether the survey is now exactly what it would be if it had counted all packets itself. If not, survey them in one pass. */
  get isExact(): boolean {
    const { frames, series } = this.#tables;
    const { addresses, networks, tunnels, endpoints } = frames;
    const isFull = [addresses, networks, tunnels, endpoints, this.#ordered.esp.spis].some(({ full }) => full);
    return !this.#inexact && !isFull && series.unlisted === 0;
  }

  /**
   * Adds the part of the next file.
   * @param value may come from another process: it is checked
   * @throws PartError `BAD_PART` if it is no part; the survey is then useless
   */
  add(value: unknown): void {
    const part = checkPart(value);
    if (!this.#fits(part)) this.#inexact = true;
    // What follows would be in vain.
    if (this.#inexact) return;
    this.#addOrder(part);
    const endpoints = this.#addInOrder(part);
    if (part.held.esp.length > 0 && endpoints.some(isAmbiguous)) this.#inexact = true;
    this.#addSums(part);
  }

  /** Whether a part has what this survey needs. */
  #fits({ inexact, withKeys, withGossip, withFlows, start, checksums }: FilePart): boolean {
    if (inexact || withKeys !== (this.#ordered.inbound !== undefined)) return false;
    if (withGossip !== (this.#ordered.gossip !== undefined)) return false;
    if (withFlows !== (this.#ordered.flows !== undefined)) return false;
    const { frames, series } = this.#tables;
    if (checksums.length > 0 !== (frames.checksums !== undefined)) return false;
    const here = series.start;
    return start?.seconds === here?.seconds && start?.nanoseconds === here?.nanoseconds;
  }

  #addOrder({ order: added, times }: FilePart): void {
    const { order } = this.#tables;
    order.merge(added, backwardsAfter(times, order.lastSeconds, order.lastNanos));
  }

  /** Adds rows of tables and records, and between them the packets that were held back. */
  #addInOrder(part: FilePart): readonly MergedEndpoint[] {
    const { decoder, traffic, encapsulated } = this.#tables;
    const merged: MergedEndpoint[] = [];
    const tables = [
      new PlacedReader(part.tunnels, (row) => {
        const { addresses, tunnels } = this.#tables.frames;
        tunnels.merge(this.#idOf(row.source, addresses), this.#idOf(row.destination, addresses), row);
      }),
      new PlacedReader(part.endpoints, (row) => {
        const added = this.#addEndpoint(row);
        if (added !== undefined) merged.push(added);
      }),
      new PlacedReader(part.traffic, (row) => {
        traffic.merge(row);
      }),
      new PlacedReader(part.filtered, ({ vni, packets }) => {
        decoder.filtered.add(vni, packets);
      }),
      new PlacedReader(part.reserved, ({ vni, packets }) => {
        decoder.reserved.add(vni, packets);
      }),
      new PlacedReader(part.guesses, ({ port, vni, packets }) => {
        decoder.guess.addVni(port, vni, packets);
      }),
      new PlacedReader(part.encapsulations, ({ kind }) => {
        encapsulated.kinds.add(kind);
      }),
    ];
    const { esp, inbound, gossip, flows } = this.#ordered;
    const replay = new EspReplay(part.esp, esp, inbound);
    const gossips = new PacketReader(part.gossip, this.#layers, keptOfGossip, (bytes, layers, end, index) => {
      gossip?.add(bytes, layers, end, part.gossip.seconds[index], part.gossip.nanoseconds[index]);
    });
    const { tag, length, seconds, nanoseconds } = part.flows;
    const conversations = new PacketReader(part.flows, this.#layers, keptOfFlow, (bytes, layers, end, index) => {
      flows?.add(tag[index], bytes, layers, end, length[index], seconds[index], nanoseconds[index]);
    });
    const { held } = part;
    let offset = 0;
    for (let i = 0; i < held.esp.length; i++) {
      for (const table of tables) table.upTo(i);
      replay.upTo(held.esp[i]);
      gossips.upTo(held.gossip[i]);
      conversations.upTo(held.flows[i]);
      this.#count(held, i, offset);
      offset += held.packets.stored[i];
    }
    for (const table of tables) table.upTo(held.esp.length);
    replay.upTo(part.esp.sequence.length);
    gossips.upTo(part.gossip.stored.length);
    conversations.upTo(part.flows.stored.length);
    if (replay.differs) this.#inexact = true;
    return merged;
  }

  #addSums(part: FilePart): void {
    const { decoder, frames, series, wireSizes, encapsulated } = this.#tables;
    decoder.addSums(part.decoder);
    frames.networks.merge(part.networks);
    frames.sizes.merge(part.innerSizes);
    wireSizes.merge(part.wireSizes);
    frames.checksums?.merge(part.checksums);
    for (const name of Object.keys(frames.counts) as (keyof typeof frames.counts)[]) {
      frames.counts[name] += part.frames[name];
    }
    encapsulated.packets += part.encapsulated;
    this.#ordered.flows?.addOutside(part.outside);
    if (!series.merge(part.series)) this.#inexact = true;
  }

  #addEndpoint(part: EndpointPart): MergedEndpoint | undefined {
    const { addresses, endpoints } = this.#tables.frames;
    const mac = macOf(part.mac);
    const ip = part.ip === undefined ? undefined : addressOf(part.ip);
    const bytes = new Uint8Array(6 + 16);
    bytes.set(mac);
    if (ip !== undefined) bytes.set(ip, 6);
    const family = ip === undefined ? 0 : ip.length === 4 ? 4 : 6;
    const vtep = this.#idOf(part.vtep, addresses);
    const row = endpoints.rowOf(part.vni, bytes, 0, family, 6, vtep);
    if (row === undefined) return undefined;
    const { sentFrames, moves } = row;
    const firstVtep = part.firstVtep === undefined ? vtep : this.#idOf(part.firstVtep, addresses);
    endpoints.merge(row, part, firstVtep, vtep);
    return { part, row, sentFrames, moves };
  }

  #idOf(text: string, addresses: SurveyTables['frames']['addresses']): number {
    const bytes = addressOf(text);
    this.#address.set(bytes);
    return addresses.at(bytes.length === 4 ? 4 : 6, this.#address, 0);
  }

  /** Counts a packet that was held back. */
  #count({ packets }: HeldPackets, index: number, offset: number): void {
    const batch = this.#batch;
    const seconds = packets.seconds[index];
    const hasTime = !Number.isNaN(seconds);
    batch.bytes = packets.bytes;
    batch.count = 1;
    batch.offset[0] = offset;
    batch.capturedLength[0] = packets.stored[index];
    batch.originalLength[0] = packets.length[index];
    batch.linkType[0] = packets.tag[index];
    batch.seconds[0] = hasTime ? seconds : 0;
    batch.nanoseconds[0] = packets.nanoseconds[index];
    batch.noTimestamp[0] = hasTime ? 0 : 1;
    this.#ordered.count(batch);
  }
}

/**
 * Whether it depends on the order of the packets of a file how often an endpoint moved: it sent packets that were held
 * back and others, and not all from behind the same VTEP.
 */
function isAmbiguous({ part, row, sentFrames, moves }: MergedEndpoint): boolean {
  if (part.sentFrames === 0 || row.sentFrames === sentFrames + part.sentFrames) return false;
  return part.moves > 0 || row.moves > moves;
}
