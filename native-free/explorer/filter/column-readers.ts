/** Reads what a filter compares from the columns of a packet. */
import type { IndexTables } from '../index/capture-index.js';
import { FLOW_REVERSED, NO_FLOW, NO_ID, type PacketPart } from '../index/packet-columns.js';
import { IpProtocol } from '../../../src/wire/index.js';

/**
 * A number of a packet; NaN if it has none.
 * @param i index in the part
 * @param row number of the packet, from 0
 */
export type NumberReader = (part: PacketPart, i: number, row: number) => number;

/** Whether a packet has something. Parameters as those of `NumberReader`. */
export type Predicate = (part: PacketPart, i: number, row: number) => boolean;

const FLOW_ID = 0x7fff_ffff;

/** The id of a packet's flow; -1 if it has none. */
export function flowOf(part: PacketPart, i: number): number {
  const flow = part.flow[i];
  return flow === NO_FLOW ? -1 : flow & FLOW_ID;
}

/** The side of its flow that sent a packet: 0 for the first address, 1 for the second. */
export function senderOf(part: PacketPart, i: number): 0 | 1 {
  return part.flow[i] >= FLOW_REVERSED ? 1 : 0;
}

/** The VNI of a packet. */
export function vniReader({ networks }: IndexTables): NumberReader {
  return (part, i) => {
    const id = part.network[i];
    return id === NO_ID || id >= networks.length ? Number.NaN : networks[id];
  };
}

/** The SPI of a packet. */
export function spiReader({ sas }: IndexTables): NumberReader {
  const spis = Float64Array.from(sas, ({ spi }) => spi >>> 0);
  return (part, i) => {
    const id = part.sa[i];
    return id >= spis.length ? Number.NaN : spis[id];
  };
}

/** The id in a column of ids. */
export function idReader(column: 'network' | 'tunnel' | 'sa'): NumberReader {
  return (part, i) => {
    const id = part[column][i];
    return id === NO_ID ? Number.NaN : id;
  };
}

/**
 * The port of a packet of TCP or UDP.
 * @param protocol IP protocol number, or 0 for both
 */
export function portReader({ flows }: IndexTables, protocol: number, sends: boolean): NumberReader {
  return (part, i) => {
    const flow = flowOf(part, i);
    if (flow < 0 || flow >= flows.count) return Number.NaN;
    const found = flows.protocol[flow];
    if (protocol === 0 ? found !== IpProtocol.Tcp && found !== IpProtocol.Udp : found !== protocol) return Number.NaN;
    const side = senderOf(part, i) ^ (sends ? 0 : 1);
    return flows.port[2 * flow + side];
  };
}

/** The IP protocol number of a packet's flow. */
export function protocolReader({ flows }: IndexTables): NumberReader {
  return (part, i) => {
    const flow = flowOf(part, i);
    return flow < 0 || flow >= flows.count ? Number.NaN : flows.protocol[flow];
  };
}
