/** The NATS client's errors as those of a store. */
import { StoreError, type StoreErrorCode } from '../../error.js';

/** JetStream's err_code of its answers (nats-server, server/errors.json). */
const API_CODES: Readonly<Partial<Record<number, StoreErrorCode>>> = {
  10_023: 'FULL', // insufficient resources
  10_047: 'FULL', // insufficient storage
  10_054: 'TOO_LARGE', // message size exceeds maximum allowed
  10_071: 'CONFLICT', // wrong last sequence
  10_077: 'FULL', // maximum messages or bytes of the stream
  10_074: 'UNSUITABLE', // replicas > 1 not supported in non-clustered mode
  10_158: 'CONFLICT', // duplicate message id is in process
  10_164: 'CONFLICT', // wrong last sequence, the sequence not said
};

/** Names of the client's errors; its classes are there only once its packages are loaded. */
const NAMES: Readonly<Partial<Record<string, StoreErrorCode>>> = {
  AuthorizationError: 'NOT_PERMITTED',
  UserAuthenticationExpiredError: 'NOT_PERMITTED',
  PermissionViolationError: 'NOT_PERMITTED',
};

/** What was asked for: of a write without an answer, nobody knows whether it was made. */
export type Operation = 'read' | 'write';

/** @param what for the message: what was asked for, such as `put nodes/alpha` */
export function storeFailure(error: unknown, operation: Operation, what: string): StoreError {
  if (error instanceof StoreError) return error;
  const { name, code, message, cause } = error as Error & { code?: unknown };
  const known = (typeof code === 'number' ? API_CODES[code] : undefined) ?? NAMES[name] ?? causeCode(cause);
  if (known !== undefined) return new StoreError(known, `${what}: ${message}`, { cause: error });
  if (operation === 'write' && name === 'TimeoutError') {
    return new StoreError('OUTCOME_UNKNOWN', `${what}: the server did not answer in time`, { cause: error });
  }
  return new StoreError('UNAVAILABLE', `${what}: ${message}`, { cause: error });
}

function causeCode(cause: unknown): StoreErrorCode | undefined {
  return cause instanceof Error ? NAMES[cause.name] : undefined;
}
