import type { VtepError } from '../../error.js';
import type { AttachedNetwork, JoinError, JoinState, SwarmNode } from '../../join/index.js';
import type { AttachmentInterface, JoinedAttachment } from './joined-attachment.js';
import type { KeyAge } from './key-ages.js';

/** An attachment, as an operator sees it. */
export interface JoinedAttachmentReport extends AttachmentInterface {
  readonly attachment: AttachedNetwork;
  /** Address of this node's load balancer on the network; undefined if the swarm gave none. */
  readonly balancer: string | undefined;
  /** Why the node isn't on the network, though it is attached to it. */
  readonly refused: VtepError | undefined;
}

/** What a joined node is doing. */
export interface JoinedReport {
  readonly name: string;
  /** As the swarm last described the node; undefined before that. */
  readonly node: SwarmNode | undefined;
  readonly state: JoinState;
  /** The manager of the session; undefined without one. */
  readonly manager: string | undefined;
  /** Why the state is what it is, if something is wrong. */
  readonly error: JoinError | undefined;
  readonly managers: readonly string[];
  /** Seconds since the manager last answered a heartbeat; undefined if none of this session has been answered. */
  readonly heartbeatAge: number | undefined;
  readonly attachments: readonly JoinedAttachmentReport[];
  /** Requests that aren't attached, and why. */
  readonly waiting: readonly { readonly request: JoinedAttachment; readonly error: JoinError | undefined }[];
  readonly keys: { readonly gossip: readonly KeyAge[]; readonly ipsec: readonly KeyAge[] };
  /** Number of key rotations seen. */
  readonly rotations: number;
  /** Number of services whose tasks were rejected. */
  readonly rejectedServices: number;
}
