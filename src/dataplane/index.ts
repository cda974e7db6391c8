/**
 * The data plane: the stages of a node, both chains of them, and the decoder of captures.
 *
 * Egress, {@link EgressChain}:
 *
 *     frame -> Forward -> Encap -> Seal -> Fragment -> IP packet
 *                 |-> another local endpoint
 *                 +-> a reply to the sender (ARP, ND, ICMP)
 *
 * Ingress, {@link IngressChain}:
 *
 *     IP packet -> Classify -> Open (ESP) -> Classify -> Decap -> Deliver -> frame
 *                      +--------------------------------->
 *     UDP datagram on the VXLAN port ------------------->
 *
 * Captures, {@link UnderlayDecoder}, which without keys reports ESP as such:
 *
 *     record -> walkLink -> fragment? -> Reassembly -> ESP? -> InboundEsp -+
 *                                            |                             |
 *                                            +-> VXLAN? -> Verdict.Frame <-+
 *
 * Start with {@link UnderlayDecoder} to read captures, and with the chains to forward packets. The chains take batches
 * (`PacketBatch` of vtep/memory) and the tables of a node (`NodeTables` of vtep/overlay). Nothing is dropped silently:
 * every packet that doesn't come out has a {@link DropReason}, counted in {@link DropCounters}.
 * @module vtep/dataplane
 */
export { DROP_REASONS, DropReason, dropReasonName, dropReasonOfReassembly, dropReasonText } from './drop-reason.js';
export { type DecoderCounts, type DecoderSums, MAX_ENCAPSULATIONS, UnderlayDecoder } from './underlay-decoder.js';
export type { UnderlayDecoderOptions } from './underlay-decoder-options.js';
export { Verdict } from './verdict.js';
export { Classify, type ClassifyOutputs } from './classify.js';
export { Decap } from './decap.js';
export { Deliver } from './deliver.js';
export { DropCounters } from './drop-counters.js';
export {
  type BatchSink,
  type EgressAccounting,
  EgressChain,
  type EgressOptions,
  type EgressSinks,
} from './egress-chain.js';
export { flowHash, LINUX_PORTS, type PortRange, RFC7348_PORTS, sourcePortOf } from './flow-hash.js';
export { Encap } from './encap.js';
export { Forward, type ForwardOptions, type ForwardOutputs, Oversize } from './forward.js';
export { Fragment } from './fragment.js';
export type { IcmpRateOptions } from './icmp-rate.js';
export { Identifications } from './identifications.js';
export { Open } from './open.js';
export { Classifier, type ClassifierOptions, PacketKind } from './packet-kind.js';
export { FragmentSource, Reassembly } from './reassembly.js';
export { Seal } from './seal.js';
export { type IngressAccounting, IngressChain, type IngressChainOptions } from './ingress-chain.js';
export { clampMss } from './mss-clamp.js';
export { PACKET_TOO_BIG_HEADROOM, PacketTooBig } from './packet-too-big.js';
export { PeerMark, PeerMarks } from './peer-marks.js';
export { PathMtuDiscovery } from './path-mtu-discovery.js';
export { VniCounts, type VniPackets } from './vni-counts.js';
export { guessText, type GuessedPort, looksLikeVxlan, VxlanGuess } from './vxlan-guess.js';
export { Tunnel, type TunnelOptions } from './tunnel.js';
