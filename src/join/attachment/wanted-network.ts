/** A network that this node wants to be attached to, and how far that is. */
import { createHash } from 'node:crypto';
import type { AttachedNetwork, AttachmentRequest } from './attached-network.js';

/** A wanted network. */
export interface WantedNetwork {
  readonly request: AttachmentRequest;
  /** Marks its task, and is the same in each run. */
  readonly containerId: string;
  /** The task that was requested, or is assigned. */
  taskId: string | undefined;
  /** Whether the task was requested by an earlier run, and isn't known to exist. */
  recalled: boolean;
  /** Whether the swarm has listed the network since before the request, for another reason. */
  listedBefore: boolean;
  attached: AttachedNetwork | undefined;
  /** Whether a request is on its way. */
  requesting: boolean;
  /** Runs out if no attachment is assigned, or until the next request. */
  timer: NodeJS.Timeout | undefined;
  /** Code of the last failure, which is reported once. */
  failure: string | undefined;
}

/** Identifies a request. */
export function keyOf({ network, address = '' }: AttachmentRequest): string {
  return `${network}=${address}`;
}

/** What a node's request is marked with in the swarm: 64 hexadecimal digits, as the ids of Docker's containers. */
export function containerIdOf(nodeId: string, request: AttachmentRequest): string {
  return createHash('sha256')
    .update(`vtep attachment ${nodeId} ${keyOf(request)}`)
    .digest('hex');
}

/**
 * A network to be attached.
 * @param taskId of a request by an earlier run
 */
export function wantedNetwork(
  request: AttachmentRequest,
  containerId: string,
  taskId: string | undefined,
): WantedNetwork {
  return {
    request,
    containerId,
    taskId,
    recalled: taskId !== undefined,
    listedBefore: false,
    attached: undefined,
    requesting: false,
    timer: undefined,
    failure: undefined,
  };
}
