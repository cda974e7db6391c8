/** Fragments: putting datagrams together again. */
export { Reassembler, type ReassemblerOptions, ReassemblyOutcome } from './reassembler.js';
export { ReassemblyDrop } from './reassembly-drop.js';
