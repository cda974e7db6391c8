/**
 * vtep: VXLAN and IPsec overlays, packet by packet. This is where to start: frames of a capture as objects
 * (`openOverlay`). What it is built on, for programs that handle packets at a high rate, is in the subpaths:
 * `vtep/capture`, `vtep/dataplane`, `vtep/wire` and so on.
 * @module vtep
 */
export type { ByteBlob, ByteStream, CaptureInput, PacketSource } from './capture/index.js';
export { VtepError } from './error.js';
export * from './frames/index.js';
export type { Conversation, ConversationProtocol, ConversationSide } from './inspect/index.js';
export type { Topology, TopologyChange } from './overlay/index.js';
export * from './simulate/index.js';
