/** What the page can save. */
export { type PacketExport, type PacketExportOptions, packetsAsPcapng } from './packets-as-pcapng.js';
export { csvText, jsonText, type TableColumn } from './table-text.js';
