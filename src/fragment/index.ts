/**
 * Fragmentation and reassembly of IP datagrams, and segmentation and coalescing of TCP and UDP.
 *
 * {@link Fragmenter} splits a datagram, {@link Reassembler} holds fragments until a datagram is complete, with bounds
 * on memory, number and age; an overlap drops the whole datagram (RFC 5722, RFC 8900). {@link Segmenter} does in
 * software what TSO and USO do, {@link TcpCoalescer} and {@link UdpCoalescer} what GRO does, and {@link CoalescedFlows}
 * holds the flows that are coalesced.
 * @module vtep/fragment
 */
export { FragmentError, Fragmenter } from './fragmenter.js';
export { Reassembler, type ReassemblerOptions, ReassemblyOutcome } from './reassembler.js';
export { ReassemblyDrop } from './reassembly-drop.js';
export { type Coalescer, MAX_COALESCED_FRAMES } from './coalescer.js';
export { flowKey, CoalescedFlows, MAX_FLOWS } from './coalesced-flows.js';
export { TcpCoalescer } from './tcp-coalescer.js';
export { Segmenter } from './segmenter.js';
export { UdpCoalescer } from './udp-coalescer.js';
