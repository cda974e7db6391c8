/**
 * Fragmentation and reassembly of IP datagrams, and segmentation and coalescing of TCP.
 * @module vtep/fragment
 */
export { FragmentError, Fragmenter } from './fragmenter.js';
export { Reassembler, type ReassemblerOptions, ReassemblyOutcome } from './reassembler.js';
export { ReassemblyDrop } from './reassembly-drop.js';
export { MAX_COALESCED_FRAMES, TcpCoalescer } from './tcp-coalescer.js';
export { TcpSegmenter } from './tcp-segmenter.js';
