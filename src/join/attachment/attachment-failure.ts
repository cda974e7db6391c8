/**
 * Why a network isn't attached. The swarm only says so if it refuses the request; if it never assigns the attachment,
 * the likely reason is derived from what it says about the node.
 */
import { quoted } from '../../text/plain-text.js';
import { JoinError } from '../error.js';
import { GrpcError, GrpcStatus } from '../grpc/status.js';
import { Availability } from '../messages.js';
import type { AttachmentRequest } from './attached-network.js';

/** What is known about a request that wasn't assigned. */
export interface Unassigned {
  readonly request: AttachmentRequest;
  /** Milliseconds that it waited. */
  readonly waitedMs: number;
  /** The node's. */
  readonly availability: number;
  /** Whether the swarm lists the network for this node. */
  readonly listed: boolean;
  /** Whether the swarm would list the network if it had reserved the address, and only then. */
  readonly telling: boolean;
}

/** The likely reason. */
export function whyUnassigned({ request, waitedMs, availability, listed, telling }: Unassigned): JoinError {
  const what = `network ${quoted(request.network)}: not attached within ${waitedMs / 1000} s`;
  if (availability !== Availability.Active && !telling) {
    const state = availability === Availability.Drain ? 'drained' : 'paused';
    return new JoinError('NODE_NOT_ACTIVE', `${what}, since this node is ${state}`);
  }
  if (request.address !== undefined) {
    return new JoinError(
      'ADDRESS_TAKEN',
      `${what}: the address ${quoted(request.address)} is taken, or not in the network's subnets`,
    );
  }
  const why = listed ? 'the scheduler does not place it' : 'the network has no free address, or could not be allocated';
  return new JoinError('NO_ADDRESS', `${what}: ${why}`);
}

/** Explains a refused request. */
export function requestError({ network }: AttachmentRequest, error: JoinError): JoinError {
  if (!(error instanceof GrpcError)) return error;
  if (error.status === GrpcStatus.NotFound) {
    return new JoinError('NETWORK_NOT_FOUND', `network ${quoted(network)}: the swarm has none of that name or id`);
  }
  if (error.status === GrpcStatus.PermissionDenied && error.reason.includes('attachable')) {
    return new JoinError('NETWORK_NOT_ATTACHABLE', `network ${quoted(network)}: not attachable`);
  }
  return error;
}
