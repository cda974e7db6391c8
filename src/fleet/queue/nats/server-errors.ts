/** What the server answered, in the cause of a StoreError: its err_code (nats-server, server/errors.json). */
import { isVtepError } from '../../../error.js';

export function hasServerCode(error: unknown, ...codes: readonly number[]): boolean {
  const cause = isVtepError(error) ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause && codes.includes(cause.code as number);
}

/** There is no such stream. */
export function isGone(error: unknown): boolean {
  return hasServerCode(error, 10_059);
}

/** There is no such consumer. */
export function isConsumerGone(error: unknown): boolean {
  return hasServerCode(error, 10_014);
}

/** There is no such message, or it can't be deleted, as it is already. */
export function isMessageGone(error: unknown): boolean {
  return hasServerCode(error, 10_043, 10_057);
}

/** Nobody answers to the subject: no stream has it, or a cluster is electing the leader of the stream that has. */
export function isUnanswered(error: unknown): boolean {
  return isVtepError(error) && error.cause instanceof Error && error.cause.name === 'JetStreamNotEnabled';
}
