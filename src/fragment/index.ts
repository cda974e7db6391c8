/**
 * Fragmentation and reassembly of IP datagrams, and segmentation and coalescing of TCP.
 *
 * {@link Fragmenter} splits a datagram, {@link Reassembler} holds fragments until a datagram is complete, with bounds
 * on memory, number and age; an overlap drops the whole datagram (RFC 5722, RFC 8900). {@link TcpSegmenter} and
 * {@link TcpCoalescer} do in software what TSO and GRO do.
 * @module vtep/fragment
 */
export { FragmentError, Fragmenter } from './fragmenter.js';
export { Reassembler, type ReassemblerOptions, ReassemblyOutcome } from './reassembler.js';
export { ReassemblyDrop } from './reassembly-drop.js';
export { MAX_COALESCED_FRAMES, TcpCoalescer } from './tcp-coalescer.js';
export { TcpSegmenter } from './tcp-segmenter.js';
