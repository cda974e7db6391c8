/** Bounds on what is decoded: on memory, depth and work. */

/** Longest packet after decompression, in bytes. Docker's have 1,400 before compression. */
export const MAX_PACKET_BYTES = 65_536;
/** Longest message of a stream, encrypted and decompressed, in bytes: memberlist's own limit on the former. */
export const MAX_STREAM_BYTES = 20 * 1024 * 1024;
/** How deep framing may be nested: a compressed compound of messages is 2 deep. */
export const MAX_FRAMING_DEPTH = 4;
/** How deep NetworkDB's compounds may be nested; Docker's are 1 deep. */
export const MAX_COMPOUND_DEPTH = 4;
/** Maximum number of messages in a packet, in all of its compounds. */
export const MAX_PACKET_MESSAGES = 1024;
/** Maximum number of nodes in a push/pull, and of networks in NetworkDB's. */
export const MAX_PUSH_PULL_ENTRIES = 65_536;
/** Maximum number of messages in a NetworkDB compound: all entries of a network, in a bulk sync. */
export const MAX_COMPOUND_MESSAGES = 262_144;
/** Most texts in one list of a record, and most ports. */
export const MAX_RECORD_ENTRIES = 1024;
/** Longest text of a record, in bytes. */
export const MAX_RECORD_TEXT = 4096;
/** Longest meta data of a node (memberlist's MetaMaxSize), in bytes. */
export const MAX_META_BYTES = 512;
/** Longest payload of an ack, in bytes. */
export const MAX_PAYLOAD_BYTES = 65_536;
/** Longest text of an error, in bytes. */
export const MAX_ERROR_BYTES = 4096;
