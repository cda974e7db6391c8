/** A network that the swarm attached this node to. */
import type { NetworkAttachment } from '../messages.js';
import { type NetworkAddress, readNetworkAddress } from './network-address.js';

/** What to attach to. */
export interface AttachmentRequest {
  /** Name or id of an attachable network. */
  readonly network: string;
  /**
   * The address to ask for.
   * @default chosen by the swarm
   */
  readonly address?: string;
}

/** An attachment: an endpoint of this node on a network. */
export interface AttachedNetwork extends NetworkAddress {
  readonly request: AttachmentRequest;
  /** Id of the task that stands for the attachment. */
  readonly taskId: string;
  /**
   * Whether the swarm only reserved the address: it assigns nothing to a node that is drained or paused. The endpoint is
   * this node's all the same, and no event is sent when the swarm assigns it later.
   */
  readonly reserved: boolean;
}

/**
 * Reads an attachment of a task.
 * @throws JoinError `BAD_ANSWER` with the network's name, if it isn't an overlay network with IPv4 subnets and VNIs
 */
export function readAttachment(request: AttachmentRequest, taskId: string, from: NetworkAttachment): AttachedNetwork {
  return { request, taskId, reserved: false, ...readNetworkAddress(from, request.network) };
}
