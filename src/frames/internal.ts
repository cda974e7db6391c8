/** What the commands and the workers use of frames beyond its public entry point: decapsulation of whole captures. */
export { DecapMerge, type DecapMergeOptions } from './decap/decap-merge.js';
export { type DecapPartOptions, decapPieces } from './decap/decap-part.js';
export { DECAP_PIECE_VERSION, type DecapEnd, type DecapPiece, PIECE_BYTES } from './decap/decap-piece.js';
export { type DecapNetwork, ESP_ROWS, FrameWriter, networkText } from './decap/frame-writer.js';
