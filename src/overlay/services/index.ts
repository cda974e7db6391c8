/** Services of a swarm. */
export { type DriverOptions, DriverOption, readDriverOptions } from './driver-options.js';
export {
  type AttachedContainer,
  Deployment,
  hasEnded,
  NodeAvailability,
  NodeOs,
  type Service,
  ServiceMode,
  type ServiceNetwork,
  type SubnetRequest,
  type Swarm,
  type SwarmNetwork,
  type SwarmNode,
  type Task,
  TASK_STATES,
  taskName,
  type TaskSlot,
  type TaskState,
} from './model.js';
export {
  formatPublishedPort,
  parsePublishedPort,
  portName,
  PortProtocol,
  type PublishedPort,
  PublishMode,
} from './published-port.js';
export { type ServiceChange, ServiceChangeKind } from './service-change.js';
export {
  type ConfiguredRoute,
  DEFAULT_MESH,
  ForwardedStyle,
  type MeshSettings,
  type MeshTimeouts,
  ProxyVersion,
} from './mesh-settings.js';
export { type ServiceLabels, targetPorts } from './service-labels.js';
export {
  Compatibility,
  type GatewaySettings,
  type RecordService,
  type ServiceNetworkSet,
  type ServiceRecord,
  type ServiceSet,
} from './service-set.js';
