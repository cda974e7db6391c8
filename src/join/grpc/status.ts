/** How a gRPC call ended. */
import type { IncomingHttpHeaders } from 'node:http2';
import { JoinError, shortReason } from '../error.js';

/** The status codes that managers use (grpc codes). */
export const GrpcStatus = {
  Ok: 0,
  Canceled: 1,
  Unknown: 2,
  InvalidArgument: 3,
  DeadlineExceeded: 4,
  NotFound: 5,
  PermissionDenied: 7,
  ResourceExhausted: 8,
  Aborted: 10,
  Unimplemented: 12,
  Unavailable: 14,
  Unauthenticated: 16,
} as const;

/** A call that a manager answered with a status other than OK. */
export class GrpcError extends JoinError {
  /** The status code. */
  readonly status: number;
  /** What the manager said: for comparisons, not for output. */
  readonly reason: string;

  /** @param address the manager's */
  constructor(address: string, status: number, reason: string) {
    super(codeOf(status, reason), textOf(address, status, reason));
    this.status = status;
    this.reason = reason;
  }
}

function codeOf(status: number, reason: string): 'REMOVED_FROM_SWARM' | 'MANAGER_UNAVAILABLE' | 'MANAGER_REFUSED' {
  if (reason.includes('was removed from swarm')) return 'REMOVED_FROM_SWARM';
  const passing: readonly number[] = [
    GrpcStatus.Canceled,
    GrpcStatus.Unknown,
    GrpcStatus.DeadlineExceeded,
    GrpcStatus.ResourceExhausted,
    GrpcStatus.Aborted,
    GrpcStatus.Unavailable,
  ];
  return passing.includes(status) ? 'MANAGER_UNAVAILABLE' : 'MANAGER_REFUSED';
}

function textOf(address: string, status: number, reason: string): string {
  if (reason.includes('was removed from swarm')) {
    return `${address}: this node was removed from the swarm`;
  }
  return `${address}: the manager answered ${shortReason(reason) || 'without a reason'} (gRPC status ${status})`;
}

/**
 * The error in a response's headers or trailers.
 * @returns undefined for success, and for headers without a status
 */
export function grpcErrorOf(address: string, headers: IncomingHttpHeaders): GrpcError | undefined {
  const text = headers['grpc-status'];
  if (text === undefined) return undefined;
  const status = /^\d{1,3}$/.test(String(text)) ? Number(text) : GrpcStatus.Unknown;
  if (status === GrpcStatus.Ok) return undefined;
  return new GrpcError(address, status, decoded(headers['grpc-message']));
}

function decoded(value: string | string[] | undefined): string {
  const text = String(value ?? '');
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
