/**
 * vtep: VXLAN and IPsec overlays, packet by packet. This is where to start: frames of a capture as objects
 * (`openOverlay`). What it is built on, for programs that handle packets at a high rate, is in the subpaths:
 * `vtep/capture`, `vtep/dataplane`, `vtep/wire` and so on.
 * @module vtep
 */
export type { ByteBlob, ByteStream, CaptureInput, PacketSource } from './capture/index.js';
export { VtepError } from './error.js';
export { CapturedPacket, type PacketTime } from './frames/captured-packet.js';
export { conversations, type ConversationsOptions } from './frames/conversations.js';
export { CaptureOutput, createCapture, type CreateCaptureOptions, type Writable } from './frames/create-capture.js';
export { edit, type EthernetEdit, type IpEdit, PacketEditor, type TcpEdit, type UdpEdit } from './frames/edit.js';
export { FramesError, type FramesErrorCode } from './frames/error.js';
export { DroppedPacket, type EspFields, Frame } from './frames/frame.js';
export { FrameStream } from './frames/frame-stream.js';
export type { KeysInput, KeySource } from './frames/keys-input.js';
export { type FramesOptions, openFrames, openOverlay, type OverlayOptions } from './frames/open-overlay.js';
export type { OverlayCounts } from './frames/overlay-decoding.js';
export { PacketHeaders, type TcpFields } from './frames/packet-headers.js';
export type { Conversation, ConversationProtocol, ConversationSide } from './inspect/index.js';
export type { Topology, TopologyChange } from './overlay/index.js';
export type { Arrival } from './simulate/arrival.js';
export { SimulationError, type SimulationErrorCode } from './simulate/error.js';
export { simulate } from './simulate/simulate.js';
export type { NodeAccounting, SimulatedNode } from './simulate/simulated-node.js';
export type { Simulation, SimulationAccounting, SimulationOptions } from './simulate/simulation.js';
export type { WireOptions } from './simulate/wire.js';
