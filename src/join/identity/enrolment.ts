/** How a process gets its certificate, at first with a token and later with the certificate itself. */
import { setTimeout as sleep } from 'node:timers/promises';
import { JoinError, shortReason } from '../error.js';
import { ManagerConnection, ManagerName } from '../grpc/manager-connection.js';
import { GrpcError, GrpcStatus } from '../grpc/status.js';
import { type Availability, IssuanceState } from '../messages.js';
import { getRootCaCertificate, issueNodeCertificate, nodeCertificateStatus } from '../methods.js';
import type { JoinTimes } from '../times.js';
import type { JoinToken } from '../token.js';
import { createCertificateRequest } from './certificate-request.js';
import { parseRootCa } from './certificates.js';
import { NodeIdentity } from './node-identity.js';

const POLL_MS = 1_000;
/** Errors that other managers would answer with, too. */
const SHARED: ReadonlySet<string> = new Set(['TOKEN_REJECTED', 'MANAGER_TOKEN', 'CLOSED', 'CLOCK_SKEW']);

/**
 * Joins a swarm, by the first manager that lets it.
 * @param addresses with ports
 * @param onAttempt called with each manager's address
 * @throws JoinError of the first manager, with the messages of all
 */
export async function enrolAtOne(
  addresses: readonly string[],
  token: JoinToken,
  availability: Availability,
  times: JoinTimes,
  signal: AbortSignal,
  onAttempt: (address: string) => void,
): Promise<NodeIdentity> {
  const failures: JoinError[] = [];
  for (const address of addresses) {
    onAttempt(address);
    try {
      return await enrol(address, token, availability, times, signal);
    } catch (error) {
      if (!(error instanceof JoinError) || SHARED.has(error.code)) throw error;
      failures.push(error);
    }
  }
  if (failures.length === 0) throw new JoinError('BAD_OPTION', 'name at least one manager, as HOST or HOST:PORT');
  const [first] = failures;
  throw failures.length === 1 ? first : new JoinError(first.code, failures.map(({ message }) => message).join('; '));
}

/**
 * Joins a swarm: fetches its root CA, checks it against the token, and only then sends the token.
 * @param address a manager's, with its port
 * @throws JoinError
 */
export async function enrol(
  address: string,
  token: JoinToken,
  availability: Availability,
  times: JoinTimes,
  signal: AbortSignal,
): Promise<NodeIdentity> {
  const rootPem = await fetchRootCa(address, token, times, signal);
  const options = { serverName: ManagerName.Ca, rootPem, timeoutMs: times.connectMs, signal };
  const connection = await ManagerConnection.open(address, options);
  try {
    const identity = await requestCertificate(connection, { rootPem, token, availability, times, signal });
    checkClock(identity);
    return identity;
  } catch (error) {
    if (!(error instanceof JoinError) || error.code !== 'PROMOTED') throw error;
    throw new JoinError(
      'MANAGER_TOKEN',
      'the token makes managers, which vtep refuses to be; docker node ls shows the node that was just added',
    );
  } finally {
    connection.close();
  }
}

async function fetchRootCa(address: string, token: JoinToken, times: JoinTimes, signal: AbortSignal): Promise<string> {
  // Any certificate is accepted: the digest decides whether the answer is the swarm's root CA.
  const options = { serverName: ManagerName.Ca, rootPem: undefined, timeoutMs: times.connectMs, signal };
  const connection = await ManagerConnection.open(address, options);
  try {
    const { certificate } = await connection.call(getRootCaCertificate, {}, times.callMs);
    if (!token.pins(certificate)) {
      throw new JoinError(
        'WRONG_CLUSTER',
        `${address}: its root CA is not the token's: it manages another swarm, or docker swarm ca --rotate replaced the CA since`,
      );
    }
    const pem = Buffer.from(certificate).toString('latin1');
    parseRootCa(pem);
    return pem;
  } finally {
    connection.close();
  }
}

/** What a certificate is requested for. */
export interface Issuance {
  readonly rootPem: string;
  /** Undefined for a renewal: the connection has a certificate then. */
  readonly token?: JoinToken;
  readonly availability?: Availability;
  readonly times: JoinTimes;
  readonly signal: AbortSignal;
}

/**
 * Requests a certificate and waits until it is issued.
 * @throws JoinError `TOKEN_REJECTED`, `PROMOTED`, `MANAGER_SILENT` and others
 */
export async function requestCertificate(connection: ManagerConnection, issuance: Issuance): Promise<NodeIdentity> {
  const { rootPem, token, availability = 0, times, signal } = issuance;
  const request = createCertificateRequest();
  // The system's clock may be set meanwhile.
  const deadline = performance.now() + times.issueMs;
  let nodeId: string;
  try {
    const text = token === undefined ? '' : token.use((secret) => secret);
    const answer = await connection.call(
      issueNodeCertificate,
      { csr: request.pem, token: text, availability },
      times.callMs,
    );
    nodeId = answer.nodeId;
  } catch (error) {
    throw tokenError(connection.address, error);
  }
  for (;;) {
    const left = Math.ceil(deadline - performance.now());
    if (left <= 0) {
      throw new JoinError(
        'MANAGER_SILENT',
        `${connection.address}: the swarm didn't issue a certificate within ${times.issueMs} ms`,
      );
    }
    // The call waits on the manager until the certificate is issued.
    const { status, certificate } = await connection.call(nodeCertificateStatus, { nodeId }, left);
    const state = status?.state;
    if (state === IssuanceState.Failed) {
      const reason = shortReason(status?.err ?? '') || 'without a reason';
      throw new JoinError(
        'MANAGER_REFUSED',
        `${connection.address}: the swarm refused to issue a certificate: ${reason}`,
      );
    }
    const issued = state === IssuanceState.Issued || state === IssuanceState.Rotate;
    // An earlier certificate of the node may be answered first.
    if (issued && certificate !== undefined && request.pem.equals(certificate.csr)) {
      const chainPem = Buffer.from(certificate.certificate).toString('latin1');
      const identity = new NodeIdentity({ rootPem, chainPem, privateKey: request.privateKey });
      if (identity.nodeId !== nodeId) {
        throw new JoinError('BAD_ANSWER', `${connection.address}: the certificate is another node's`);
      }
      return identity;
    }
    await sleep(Math.min(POLL_MS, Math.max(0, deadline - performance.now())), undefined, { signal }).catch(() => {
      throw new JoinError('CLOSED', 'the node was closed');
    });
  }
}

function tokenError(address: string, error: unknown): unknown {
  if (!(error instanceof GrpcError) || error.status !== GrpcStatus.InvalidArgument) return error;
  if (!error.reason.includes('valid join token')) return error;
  return new JoinError(
    'TOKEN_REJECTED',
    `${address}: the swarm doesn't accept the token: it was rotated, or is mistyped`,
  );
}

/**
 * Checks a certificate against this machine's clock.
 * @throws JoinError `CLOCK_SKEW`, `CERTIFICATE_EXPIRED`
 */
export function checkClock({ notBefore, notAfter }: NodeIdentity): void {
  const now = Date.now();
  const shown = (time: number): string => new Date(time).toISOString();
  if (now < notBefore) {
    throw new JoinError(
      'CLOCK_SKEW',
      `this node's certificate is only valid from ${shown(notBefore)} on, and this machine's clock shows ${shown(now)}`,
    );
  }
  if (now > notAfter) {
    throw new JoinError(
      'CERTIFICATE_EXPIRED',
      `this node's certificate expired on ${shown(notAfter)}, and this machine's clock shows ${shown(now)}`,
    );
  }
}
