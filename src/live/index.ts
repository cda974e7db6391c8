/**
 * The running system: sockets, devices, and state that outlives the process.
 *
 * {@link LiveVtep} is a node of an overlay with its sockets and TAP devices; {@link LiveNode} is the same over an
 * {@link UnderlayPort} and {@link FramePort}s of your own. {@link DeviceSource} and {@link DeviceSink} capture and
 * send on a device, {@link SequenceFile} keeps ESP's sequence numbers across restarts, and {@link MetricsServer}
 * serves counters to Prometheus. Most of it needs Linux and privileges.
 * @module vtep/live
 */
export { CapturePort, type CapturePortOptions } from './node/capture-port.js';
export type { SentCounts } from './device/child-report.js';
export { DatagramUnderlay, type DatagramUnderlayOptions } from './socket/datagram-underlay.js';
export { type Device, listDevices } from './device/device.js';
export { DeviceSink, type Injection } from './device/device-sink.js';
export { DeviceSource, type DeviceSourceOptions } from './device/device-source.js';
export type { EndpointReport } from './node/endpoint-ports.js';
export { type DnsCounters, DnsDrop } from './dns/dns-counters.js';
export type { DnsEndpoint, DnsFailure, DnsReport } from './dns/dns-order.js';
export { LiveError, type LiveErrorCode } from './error.js';
export { HostRules, type HostRulesOptions } from './firewall/host-rules.js';
export { Nft } from './firewall/nft.js';
export type { HostModePort, HostPorts, IngressModePort } from './firewall/host-rules-text.js';
export type { FramePort, FramePortCounters } from './port/frame-port.js';
export type { GatewayContainer, GatewayInterface } from './gateway/gateway-devices.js';
export { GatewayPart, type GatewayPartOptions } from './gateway/gateway-part.js';
export type { GatewayCounters } from './gateway/gateway-ports.js';
export type { LivePart } from './port/live-part.js';
export type { MeshOverrides } from './mesh/part/mesh-overrides.js';
export type { InterfaceSettings } from './tap/interface-settings.js';
export { LiveDns, type LiveDnsOptions } from './dns/live-dns.js';
export { LiveNode } from './node/live-node.js';
export type { LiveNodeCounters, LiveNodeOptions, NodeCipher } from './node/live-node-options.js';
export { LiveVtep, type LiveVtepCounters, type LiveVtepOptions } from './node/live-vtep.js';
export { type HeldPort, HeldPorts } from './ports/held-ports.js';
export { IngressPort } from './ports/ingress-port.js';
export { LoopClock } from './device/loop-clock.js';
export { type MetricsAddress, MetricsServer } from './metrics/metrics-server.js';
export type { DirectionCounters, NodeCounters, SendingOptions } from './node/node-chains.js';
export { overlayFilter, type OverlayFilterOptions } from './device/overlay-filter.js';
export { type Pace, Pacer } from './device/pacer.js';
export { PortProxy, type PortProxyOptions, type ProxyCounters, type ProxyRoute } from './ports/port-proxy.js';
export { SequenceFile } from './state/sequence-file.js';
export { type ServicesView, serviceSections } from './status/service-sections.js';
export type { SaRow } from './status/sa-rows.js';
export { nodeSections, type StatusContext } from './status/node-sections.js';
export { defaultSocket, type FoundSocket, foundSockets, statusDirectories } from './status/socket-path.js';
export { readStatus, type StatusDocument } from './status/status-client.js';
export type { StatusSelection } from './status/status-document.js';
export { STATUS_VERSION, type StatusSection, type StatusSections } from './status/status-section.js';
export { StatusServer } from './status/status-server.js';
export type { AttachedBalancer } from './services/attached-balancer.js';
export type { HistogramSample, PrometheusText } from './metrics/prometheus-text.js';
export type { LiveServices, LiveServicesOptions } from './services/live-services.js';
export type { PartSource, ServicePart } from './services/service-part.js';
export { BalancerPort, type BalancerPortOptions } from './services/balancer-port.js';
export { SocketUnderlay, type SocketUnderlayOptions } from './socket/socket-underlay.js';
export { TapDevice } from './tap/tap.js';
export type { OpenTap, TapOptions } from './tap/tap-opening.js';
export type { UnderlayCounters, UnderlayPort } from './port/underlay-port.js';
export type { WorkerShare } from './port/worker-share.js';
export { type MetricsContext, vtepMetrics } from './metrics/vtep-metrics.js';
export type { WorkerCounters } from './workers/worker-counters.js';
export { type TimeSource, WallClock } from './system/wall-clock.js';
