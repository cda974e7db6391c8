/** Frames of captures as objects: reading, editing, writing them. */
export { CapturedPacket, type PacketTime } from './captured-packet.js';
export { type ConversationList, conversations, type ConversationsOptions } from './conversations.js';
export { CaptureOutput, createCapture, type CreateCaptureOptions, type Writable } from './create-capture.js';
export { edit, type EthernetEdit, type IpEdit, PacketEditor, type TcpEdit, type UdpEdit } from './edit.js';
export { FramesError, type FramesErrorCode } from './error.js';
export { DroppedPacket, type EspFields, Frame } from './frame.js';
export { FrameStream } from './frame-stream.js';
export type { KeysInput, KeySource } from './keys-input.js';
export { type FramesOptions, openFrames, openOverlay, type OverlayOptions } from './open-overlay.js';
export type { OverlayCounts } from './overlay-decoding.js';
export { PacketHeaders, type TcpFields } from './packet-headers.js';
export { type PacketRecord, sourceOf } from './source-of.js';
