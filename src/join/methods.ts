/** The managers' methods that a worker calls (swarmkit api/ca.proto, dispatcher.proto, resource.proto). */
import type { MessageType } from '../protobuf/internal.js';
import {
  AssignmentsMessage,
  AttachmentReference,
  AttachRequest,
  CertificateStatusRequest,
  CertificateStatusResponse,
  Empty,
  HeartbeatResponse,
  IssueRequest,
  IssueResponse,
  RootCaResponse,
  SessionMessage,
  SessionReference,
  SessionRequest,
  UpdateTaskStatusRequest,
} from './messages.js';

/** A method: its path, and what it takes and answers. */
export interface Method<Request, Response> {
  readonly path: string;
  readonly request: MessageType<unknown, Request>;
  readonly response: MessageType<Response, never>;
}

function method<Request, Response>(
  path: string,
  request: MessageType<unknown, Request>,
  response: MessageType<Response, never>,
): Method<Request, Response> {
  return { path: `/docker.swarmkit.v1.${path}`, request, response };
}

export const getRootCaCertificate = method('CA/GetRootCACertificate', Empty, RootCaResponse);
export const issueNodeCertificate = method('NodeCA/IssueNodeCertificate', IssueRequest, IssueResponse);
/** Answers once the certificate is issued. */
export const nodeCertificateStatus = method(
  'NodeCA/NodeCertificateStatus',
  CertificateStatusRequest,
  CertificateStatusResponse,
);
/** Answers with a stream. */
export const session = method('Dispatcher/Session', SessionRequest, SessionMessage);
export const heartbeat = method('Dispatcher/Heartbeat', SessionReference, HeartbeatResponse);
/** Answers with a stream. */
export const assignments = method('Dispatcher/Assignments', SessionReference, AssignmentsMessage);
export const updateTaskStatus = method('Dispatcher/UpdateTaskStatus', UpdateTaskStatusRequest, Empty);
export const attachNetwork = method('ResourceAllocator/AttachNetwork', AttachRequest, AttachmentReference);
export const detachNetwork = method('ResourceAllocator/DetachNetwork', AttachmentReference, Empty);
