/**
 * VXLAN and IPsec overlays, frame by frame. This is where to start: objects, with bytes that stay valid.
 *
 * - {@link openOverlay} reads the frames of an overlay's capture, {@link openFrames} the packets of any capture.
 * - {@link conversations} says who talked to whom, how much, and how well.
 * - {@link edit} changes a packet, {@link createCapture} writes packets to a file.
 * - {@link simulate} runs an overlay network in this process.
 *
 * Programs that handle packets at a high rate use what this is built on, in the subpaths: `vtep/capture`,
 * `vtep/dataplane`, `vtep/wire` and so on.
 * @module vtep
 */
export type { ByteBlob, ByteStream, CaptureInput, PacketSource } from './capture/index.js';
export { VtepError } from './error.js';
export * from './frames/index.js';
export type { Conversation, ConversationProtocol, ConversationSide, FlowAccounting } from './inspect/index.js';
export type { Topology, TopologyChange } from './overlay/index.js';
export * from './simulate/index.js';
