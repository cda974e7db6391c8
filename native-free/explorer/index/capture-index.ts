/** The index of captures: what all views, filters and details work on. Plain data and typed arrays, so that it can be posted. */
import type { FlowColumns } from './flow-columns.js';
import type { PacketPart } from './packet-columns.js';

/** A direction between two VTEPs or hosts. */
export interface TunnelRow {
  readonly source: string;
  readonly destination: string;
}

/** An SA as packets show it. */
export interface SaRow {
  readonly spi: number;
  readonly destination: string;
  readonly inUdp: boolean;
}

/** An interface of a file. */
export interface InterfaceRow {
  /** Index of the file. */
  readonly file: number;
  readonly name: string | undefined;
  /** LINKTYPE_ value. */
  readonly linkType: number;
}

/** A file of the index. */
export interface FileRow {
  readonly name: string;
  readonly size: number;
  /** Number of its first packet, from 0. */
  readonly firstPacket: number;
  /** Why it ended early. */
  readonly damage: string | undefined;
  readonly format: 'pcap' | 'pcapng';
}

/** Tables of what packets refer to by id. */
export interface IndexTables {
  readonly files: readonly FileRow[];
  readonly interfaces: readonly InterfaceRow[];
  /** VNI by id. */
  readonly networks: readonly number[];
  readonly tunnels: readonly TunnelRow[];
  readonly sas: readonly SaRow[];
  readonly flows: FlowColumns;
  /** Of the first packet with a time: seconds since 1970, and nanoseconds. NaN without. */
  readonly firstSeconds: number;
  readonly firstNanoseconds: number;
  /** Packets whose network, tunnel, SA or flow didn't fit into a full table. */
  readonly unlisted: number;
}

/** Everything about every packet so far. Parts have `PART_PACKETS` packets, the last one fewer. */
export interface CaptureIndex {
  readonly packets: number;
  readonly parts: readonly PacketPart[];
  readonly tables: IndexTables;
}
