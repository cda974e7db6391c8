/**
 * What only a running system has: sockets, devices, and state that outlives the process.
 * @module vtep/live
 */
export { CapturePort, type CapturePortOptions } from './capture-port.js';
export type { SentCounts } from './child-report.js';
export { DatagramUnderlay, type DatagramUnderlayOptions } from './datagram-underlay.js';
export { type Device, listDevices } from './device.js';
export { DeviceSink, type Injection } from './device-sink.js';
export { DeviceSource, type DeviceSourceOptions } from './device-source.js';
export type { EndpointReport } from './endpoint-ports.js';
export { LiveError, type LiveErrorCode } from './error.js';
export type { FramePort, FramePortCounters } from './frame-port.js';
export type { InterfaceSettings } from './interface-settings.js';
export { LiveNode, type LiveNodeCounters, type LiveNodeOptions, type NodeCipher } from './live-node.js';
export { LiveVtep, type LiveVtepCounters, type LiveVtepOptions } from './live-vtep.js';
export { LoopClock } from './loop-clock.js';
export { type MetricsAddress, MetricsServer } from './metrics-server.js';
export type { DirectionCounters, NodeCounters, SendingOptions } from './node-chains.js';
export { overlayFilter, type OverlayFilterOptions } from './overlay-filter.js';
export { type Pace, Pacer } from './pacer.js';
export { SequenceFile } from './sequence-file.js';
export { SocketUnderlay, type SocketUnderlayOptions } from './socket-underlay.js';
export { TapDevice } from './tap.js';
export type { OpenTap, TapOptions } from './tap-opening.js';
export type { UnderlayCounters, UnderlayPort } from './underlay-port.js';
export { type MetricsContext, vtepMetrics } from './vtep-metrics.js';
export { type TimeSource, WallClock } from './wall-clock.js';
