/** Records the packets of conversations, for the table of conversations of all files. */
import { HeaderError, type Layers } from '../../wire/index.js';
import type { FlowSink } from '../flows/flow-feed.js';
import { PacketRecords } from './packet-records.js';

/** Bytes of a transport header that a table of conversations reads; those after it don't change what it counts. */
const TRANSPORT_BYTES = 20;

/** How many bytes are kept of a packet, from its IP header on, if they were captured. */
export function keptOfFlow({ networkOffset, transportOffset }: Layers): number {
  return transportOffset + TRANSPORT_BYTES - networkOffset;
}

/** Takes the packets that a `FlowTable` would take, and keeps their IP and transport headers. */
export class FlowRecords implements FlowSink {
  readonly packets = new PacketRecords();
  /** Packets that are in no conversation, whatever other packets there are. */
  withoutIp = 0;
  unreadable = 0;

  add(
    vni: number,
    bytes: Uint8Array,
    layers: Layers,
    end: number,
    length: number,
    seconds: number,
    nanoseconds: number,
  ): void {
    if (layers.headerError !== HeaderError.None) {
      this.unreadable++;
      return;
    }
    if (layers.family === 0) {
      this.withoutIp++;
      return;
    }
    this.packets.addIp(bytes, layers, keptOfFlow(layers), end, length, vni, seconds, nanoseconds);
  }
}
