/** What one thread counted of a capture, as plain data for the thread that reports. */
import type { ChecksumRow } from '../checksum-table.js';
import type { EndpointRow } from '../endpoint-table.js';
import type { NetworkRow } from '../network-table.js';
import type { SizeTable } from '../size-table.js';
import type { TunnelRow } from '../tunnel-table.js';
import type { DecoderCounts } from '../../dataplane/index.js';
import type { SeriesPart } from '../flows/traffic-series.js';

/** A row, and the packet of the capture that it was made for. */
export interface FirstSeen<T> {
  readonly first: number;
  readonly row: T;
}

/** A row between VTEPs, by the texts of their addresses: other threads have other ids. */
export type TunnelPart = Omit<TunnelRow, 'source' | 'destination' | 'lastVni' | 'vnis'> & {
  readonly source: string;
  readonly destination: string;
  readonly vnis: readonly number[];
};

/** An endpoint, likewise. */
export type EndpointPart = Omit<EndpointRow, 'vtep'> & { readonly vtep: string };

/** A size table without its methods. */
export type SizePart = Pick<SizeTable, 'counts' | 'packets' | 'bytes' | 'smallest' | 'largest'>;

/** Counts of frames that need no table. */
export interface FrameCounts {
  innerFragments: number;
  innerFaults: number;
  badSources: number;
  arpFrames: number;
  superFrames: number;
  unsetLengths: number;
}

/** What a thread counted of its share of the packets. */
export interface SurveyPart {
  /** Packets of the capture, including those of other threads. */
  readonly packets: number;
  /** Whether the share can't be merged exactly: a table was full, or a packet wasn't what it was taken for. */
  readonly inexact: boolean;
  readonly decoder: DecoderCounts;
  readonly frames: FrameCounts;
  readonly networks: readonly NetworkRow[];
  readonly tunnels: readonly FirstSeen<TunnelPart>[];
  readonly endpoints: readonly FirstSeen<EndpointPart>[];
  readonly wireSizes: SizePart;
  readonly innerSizes: SizePart;
  readonly checksums: readonly ChecksumRow[];
  readonly series: SeriesPart;
}
