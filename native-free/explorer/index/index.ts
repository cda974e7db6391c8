/** The index of captures: typed columns per packet, and tables of what packets refer to. */
export type { CaptureIndex, FileRow, IndexTables, InterfaceRow, SaRow, TunnelRow } from './capture-index.js';
export { CollectedIndex } from './collected-index.js';
export { FLOW_REVERSED, type FlowColumns, MAX_FLOWS, NO_FLOW } from './flow-columns.js';
export { NO_ID, PacketMark, PacketPart, PacketProtocol, PART_PACKETS } from './packet-columns.js';
export { type IndexedFile, MAX_FILES, PacketIndexer } from './packet-indexer.js';
export { buffersOf, PACKET_COLUMNS } from './packet-parts.js';
