/** Explains why a connection to a manager failed. */
import { JoinError } from '../error.js';

/** Codes of OpenSSL and Node for a certificate that isn't signed by the swarm's root. */
const FOREIGN: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'ERR_SSL_CERTIFICATE_VERIFY_FAILED',
]);
/** TLS alerts about this node's certificate. */
const EXPIRED_ALERT: ReadonlySet<string> = new Set([
  'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED',
  'ERR_SSL_TLSV1_ALERT_CERTIFICATE_EXPIRED',
]);
const REFUSED_ALERT: ReadonlySet<string> = new Set([
  'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE',
  'ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN',
  'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
  'ERR_SSL_TLSV1_ALERT_ACCESS_DENIED',
  'ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR',
]);

/**
 * The error for a failed connection.
 * @param address the manager's, with its port
 */
export function connectionError(address: string, error: unknown): JoinError {
  if (error instanceof JoinError) return error;
  const cause = error as NodeJS.ErrnoException;
  const code = cause.code ?? '';
  const options = { cause };
  if (code === 'ECONNREFUSED') {
    return new JoinError(
      'CONNECTION_REFUSED',
      `${address}: connection refused: no manager listens there, or a firewall rejects its TCP port`,
      options,
    );
  }
  if (code === 'ETIMEDOUT') {
    return new JoinError(
      'CONNECTION_TIMEOUT',
      `${address}: no answer: the machine is down, or a firewall drops its TCP port`,
      options,
    );
  }
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH') {
    return new JoinError('CONNECTION_FAILED', `${address}: unreachable: there is no route to it`, options);
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return new JoinError('CONNECTION_FAILED', `${address}: the name can't be resolved`, options);
  }
  if (code === 'CERT_NOT_YET_VALID' || code === 'CERT_HAS_EXPIRED') {
    const when = code === 'CERT_NOT_YET_VALID' ? 'is not valid yet' : 'has expired';
    return new JoinError(
      'CLOCK_SKEW',
      `${address}: the manager's certificate ${when} by this machine's clock, ${new Date().toISOString()}`,
      options,
    );
  }
  if (EXPIRED_ALERT.has(code)) {
    return new JoinError(
      'CLOCK_SKEW',
      `${address}: the manager rejects this node's certificate as expired, though it isn't by this machine's clock, ${new Date().toISOString()}`,
      options,
    );
  }
  if (REFUSED_ALERT.has(code)) {
    return new JoinError(
      'FOREIGN_CERTIFICATE',
      `${address}: the manager rejects this node's certificate: it belongs to another swarm`,
      options,
    );
  }
  if (FOREIGN.has(code)) {
    return new JoinError(
      'FOREIGN_CERTIFICATE',
      `${address}: its certificate is not one of this swarm's managers (${code})`,
      options,
    );
  }
  if (code.startsWith('ERR_SSL') || code === 'EPROTO') {
    return new JoinError('BAD_ANSWER', `${address}: doesn't speak TLS as managers do (${code})`, options);
  }
  if (code.startsWith('ERR_HTTP2')) {
    return new JoinError('BAD_ANSWER', `${address}: doesn't speak HTTP/2 as managers do (${code})`, options);
  }
  return new JoinError('CONNECTION_FAILED', `${address}: the connection failed: ${code || cause.message}`, options);
}
