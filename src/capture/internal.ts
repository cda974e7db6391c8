/** What other rooms use of capture beyond its public entry point. */
export { MAX_ORIGINAL_LENGTH } from './batch.js';
export { foreignFormat } from './foreign-format.js';
export { PCAP_HEADER, PCAP_LINK_TYPE_MASK, PCAP_RECORD } from './pcap-format.js';
export { NoteList } from './record-decoder.js';
export { MAX_SECONDS } from './timestamp.js';
