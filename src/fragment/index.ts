/**
 * Fragments: cutting datagrams, and putting them together again.
 * @module vtep/fragment
 */
export { FragmentFault, Fragmenter } from './fragmenter.js';
export { Reassembler, type ReassemblerOptions, ReassemblyOutcome } from './reassembler.js';
export { ReassemblyDrop } from './reassembly-drop.js';
