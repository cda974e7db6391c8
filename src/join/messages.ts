/**
 * The messages of swarmkit (api/*.proto) that a worker exchanges with managers, with the fields it uses. Numbers and
 * types are the same from Docker 20.10 to 29.
 */
import {
  bool,
  bytes,
  type Decoded,
  int,
  message,
  nested,
  nestedList,
  text,
  textList,
  textMap,
  uint,
} from '../protobuf/internal.js';

/** `TaskState`: a task only ever moves to higher ones. */
export const TaskState = {
  Pending: 64,
  Assigned: 192,
  Accepted: 256,
  Running: 512,
  Shutdown: 640,
  Rejected: 768,
} as const;

/** `NodeSpec.Availability`. */
export const Availability = { Active: 0, Pause: 1, Drain: 2 } as const;
export type Availability = (typeof Availability)[keyof typeof Availability];

/** `NodeRole`. */
export const NodeRole = { Worker: 0, Manager: 1 } as const;

/** `IssuanceStatus.State`. */
export const IssuanceState = { Issued: 3, Failed: 4, Rotate: 5 } as const;

/** `AssignmentsMessage.Type`. */
export const AssignmentsType = { Complete: 0, Incremental: 1 } as const;

/** `AssignmentChange.AssignmentAction`. */
export const AssignmentAction = { Update: 0, Remove: 1 } as const;

/** `Subsystem` of keys. */
export const KeySubsystem = { Gossip: 'networking:gossip', Ipsec: 'networking:ipsec' } as const;

export const Empty = message({});
const Timestamp = message({ seconds: int(1), nanos: int(2) });
const Duration = message({ seconds: int(1), nanos: int(2) });
const Annotations = message({ name: text(1), labels: textMap(2) });
const Driver = message({ name: text(1), options: textMap(2) });

const Platform = message({ architecture: text(1), os: text(2) });
const Resources = message({ nanoCpus: int(1), memoryBytes: int(2) });
const Plugin = message({ type: text(1), name: text(2) });
const Engine = message({ engineVersion: text(1), labels: textMap(2), plugins: nestedList(3, Plugin) });
const TlsInfo = message({ trustRoot: bytes(1), certIssuerSubject: bytes(2), certIssuerPublicKey: bytes(3) });
export const NodeDescription = message({
  hostname: text(1),
  platform: nested(2, Platform),
  resources: nested(3, Resources),
  engine: nested(4, Engine),
  tlsInfo: nested(5, TlsInfo),
});

const IpamConfig = message({ family: int(1), subnet: text(2), range: text(3), gateway: text(4) });
const IpamOptions = message({ driver: nested(1, Driver), configs: nestedList(3, IpamConfig) });
const NetworkSpec = message({
  annotations: nested(1, Annotations),
  driverConfig: nested(2, Driver),
  ipv6Enabled: bool(3),
  internal: bool(4),
  ipam: nested(5, IpamOptions),
  attachable: bool(6),
  ingress: bool(7),
});
const Network = message({
  id: text(1),
  spec: nested(3, NetworkSpec),
  driverState: nested(4, Driver),
  ipam: nested(5, IpamOptions),
});
export const NetworkAttachment = message({ network: nested(1, Network), addresses: textList(2) });
export type NetworkAttachment = Decoded<typeof NetworkAttachment>;
const NetworkAttachmentConfig = message({ target: text(1), aliases: textList(2), addresses: textList(3) });

const NodeSpec = message({
  annotations: nested(1, Annotations),
  desiredRole: int(2),
  membership: int(3),
  availability: int(4),
});
const NodeStatus = message({ state: int(1), message: text(2), addr: text(3) });
const IssuanceStatus = message({ state: int(1), err: text(2) });
const Certificate = message({
  role: int(1),
  csr: bytes(2),
  status: nested(3, IssuanceStatus),
  certificate: bytes(4),
  cn: text(5),
});
const Node = message({
  id: text(1),
  spec: nested(3, NodeSpec),
  status: nested(5, NodeStatus),
  certificate: nested(8, Certificate),
  role: int(9),
  attachments: nestedList(10, NetworkAttachment),
  vxlanUdpPort: uint(11),
});
const Peer = message({ nodeId: text(1), addr: text(2) });
const WeightedPeer = message({ peer: nested(1, Peer), weight: int(2) });
const EncryptionKey = message({ subsystem: text(1), algorithm: int(2), key: bytes(3), lamportTime: uint(4) });
export type EncryptionKey = Decoded<typeof EncryptionKey>;

const AttachmentSpec = message({ containerId: text(1) });
const TaskSpec = message({ attachment: nested(8, AttachmentSpec) });
const TaskStatus = message({ timestamp: nested(1, Timestamp), state: int(2), message: text(3), err: text(4) });
const Task = message({
  id: text(1),
  spec: nested(3, TaskSpec),
  serviceId: text(4),
  nodeId: text(6),
  serviceAnnotations: nested(8, Annotations),
  status: nested(9, TaskStatus),
  desiredState: int(10),
  networks: nestedList(11, NetworkAttachment),
});
export type Task = Decoded<typeof Task>;
const Assignment = message({ task: nested(1, Task) });
const AssignmentChange = message({ assignment: nested(1, Assignment), action: int(2) });

export const RootCaResponse = message({ certificate: bytes(1) });
export const IssueRequest = message({ csr: bytes(2), token: text(3), availability: int(4) });
export const IssueResponse = message({ nodeId: text(1), membership: int(2) });
export const CertificateStatusRequest = message({ nodeId: text(1) });
export const CertificateStatusResponse = message({
  status: nested(1, IssuanceStatus),
  certificate: nested(2, Certificate),
});
export const SessionRequest = message({ description: nested(1, NodeDescription), sessionId: text(2) });
export const SessionMessage = message({
  sessionId: text(1),
  node: nested(2, Node),
  managers: nestedList(3, WeightedPeer),
  keys: nestedList(4, EncryptionKey),
  rootCa: bytes(5),
});
export type SessionMessage = Decoded<typeof SessionMessage>;
export const SessionReference = message({ sessionId: text(1) });
export const HeartbeatResponse = message({ period: nested(1, Duration) });
const TaskStatusUpdate = message({ taskId: text(1), status: nested(2, TaskStatus) });
export const UpdateTaskStatusRequest = message({ sessionId: text(1), updates: nestedList(3, TaskStatusUpdate) });
export const AssignmentsMessage = message({
  type: int(1),
  appliesTo: text(2),
  resultsIn: text(3),
  changes: nestedList(4, AssignmentChange),
});
export type AssignmentsMessage = Decoded<typeof AssignmentsMessage>;
export const AttachRequest = message({ config: nested(1, NetworkAttachmentConfig), containerId: text(2) });
export const AttachmentReference = message({ attachmentId: text(1) });
