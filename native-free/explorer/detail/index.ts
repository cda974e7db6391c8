/** Packets looked at one by one: read again from their file, decrypted, and taken apart. */
export { type OpenedPacket, openPacket, type OpeningOptions } from './opened-packet.js';
export { packetDetail } from './packet-detail.js';
export type { PacketBytes, PacketDetail, PacketNode } from './packet-node.js';
export { PacketKeys } from './packet-keys.js';
export { columnsOf, PacketReader, type ReadPacket } from './packet-reader.js';
export { rowInfo, type RowInfo } from './row-info.js';
