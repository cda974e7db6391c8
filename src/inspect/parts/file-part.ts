/** What a survey of one file found, as plain data for the survey of all files. */
import type { DecoderSums } from '../../dataplane/index.js';
import type { OrderPart } from '../capture-order.js';
import type { ChecksumRow } from '../checksum-table.js';
import type { EndpointRow } from '../endpoint-table.js';
import type { SeriesPart } from '../flows/traffic-series.js';
import type { OutsidePackets } from '../flows/flow-accounting.js';
import type { NetworkRow } from '../network-table.js';
import type { FrameCounts, SizePart, TunnelPart } from '../shares/survey-part.js';
import type { SurveyStart } from '../survey.js';
import type { TrafficRow } from '../traffic-table.js';
import type { EspColumns } from './esp-records.js';
import type { PacketColumns } from './packet-records.js';
import type { RisingTimesPart } from './rising-times.js';

/** Version of the format: parts of another version are refused. */
export const PART_VERSION = 1;

/** A row of a table, and how many packets had been held back when it was made. Rows are in the order of their making. */
export type Placed<T> = T & { readonly held: number };

/** An endpoint, with the addresses of VTEPs as texts. */
export type EndpointPart = Omit<EndpointRow, 'vtep' | 'firstVtep'> & {
  readonly vtep: string;
  /** The VTEP that it sent from first, if that isn't `vtep`. */
  readonly firstVtep: string | undefined;
};

/** Packets of a VNI. */
export interface VniRow {
  readonly vni: number;
  readonly packets: number;
}

/** Packets of a VNI on a UDP port. */
export interface GuessRow extends VniRow {
  readonly port: number;
}

/** An encapsulation around VXLAN or ESP. */
export interface EncapsulationRow {
  readonly kind: number;
}

/** Packets that wait for those of other files. */
export interface HeldPackets {
  readonly packets: PacketColumns;
  // How many records of the others came before each of them.
  readonly esp: Int32Array;
  readonly gossip: Int32Array;
  readonly flows: Int32Array;
}

/**
 * The part of a survey that one file is: `node:v8` serializes it, and `PartMerge` checks it.
 *
 * Sums and tables are of the packets whose meaning doesn't depend on others. `held`, and the records of ESP, gossip and
 * conversations, are what the survey of all files goes through in the order of packets. Per million packets, the times are
 * about 4 MB, ESP is 38 MB, packets of conversations are 60 to 80 MB; gossip and what is held are as long as they are
 * in the file. All of it is at most `MAX_PART_BYTES`, and what is held at most `MAX_HELD_BYTES`.
 */
export interface FilePart {
  readonly version: number;
  /** Packets of the file. */
  readonly packets: number;
  /** Whether it can't be merged exactly: a table was full, or too much was held back. */
  readonly inexact: boolean;
  /** Whether ESP was decrypted, gossip and conversations were asked for. */
  readonly withKeys: boolean;
  readonly withGossip: boolean;
  readonly withFlows: boolean;
  /** When the traffic over time begins. */
  readonly start: SurveyStart | undefined;
  readonly order: OrderPart;
  readonly times: RisingTimesPart;
  readonly decoder: DecoderSums;
  readonly frames: FrameCounts;
  readonly networks: readonly NetworkRow[];
  readonly tunnels: readonly Placed<TunnelPart>[];
  readonly endpoints: readonly Placed<EndpointPart>[];
  readonly traffic: readonly Placed<TrafficRow>[];
  readonly filtered: readonly Placed<VniRow>[];
  readonly reserved: readonly Placed<VniRow>[];
  readonly guesses: readonly Placed<GuessRow>[];
  readonly encapsulated: number;
  readonly encapsulations: readonly Placed<EncapsulationRow>[];
  readonly wireSizes: SizePart;
  readonly innerSizes: SizePart;
  readonly checksums: readonly ChecksumRow[];
  readonly series: SeriesPart;
  readonly held: HeldPackets;
  readonly esp: EspColumns;
  readonly gossip: PacketColumns;
  readonly flows: PacketColumns;
  readonly outside: OutsidePackets;
}
