/** Writes to a bucket by compare-and-set. */
import { isVtepError } from '../../../error.js';
import { StoreError } from '../../error.js';
import { type NatsBucket } from './reader.js';

/** What is written under a key: a value, or that it is deleted. */
export type Written = { readonly value: Uint8Array } | { readonly deleted: true };

/**
 * Writes if the last message of a subject has a revision above 0.
 *
 * In a cluster, the server compares before it replicates a write, so of several that are on their way at the same time
 * nats-server before 2.9.21 takes them all (https://github.com/nats-io/nats-server/issues/4320), and later ones may while
 * the stream gets another leader (https://github.com/nats-io/nats-server/issues/8469). Message ids are compared after it:
 * all writes that replace one revision have the same id, so the stream takes one of them.
 * @param subject that of the key
 * @param what for the message of an error
 * @throws StoreError `CONFLICT`, and as `NatsLink.ask`
 */
export async function replace(
  { link, jetstream, packages }: NatsBucket,
  subject: string,
  written: Written,
  revision: number,
  what: string,
): Promise<number> {
  const isDeletion = 'deleted' in written;
  const headers = packages.transport.headers();
  if (isDeletion) headers.set('KV-Operation', 'DEL');
  const { seq, duplicate } = await link.ask('write', what, () =>
    jetstream.publish(subject, isDeletion ? new Uint8Array(0) : written.value, {
      headers,
      msgID: `${subject}@${revision}`,
      expect: { lastSubjectSequence: revision },
    }),
  );
  if (duplicate) throw new StoreError('CONFLICT', `${what}: another write replaced revision ${revision}`);
  return seq;
}

/**
 * Writes if a subject has no message, or that of a deletion.
 * @throws StoreError `CONFLICT`, and as `NatsLink.ask`
 */
export async function create(bucket: NatsBucket, subject: string, value: Uint8Array, what: string): Promise<number> {
  const { link, jetstream } = bucket;
  try {
    const options = { expect: { lastSubjectSequence: 0 } };
    const { seq } = await link.ask('write', what, () => jetstream.publish(subject, value, options));
    return seq;
  } catch (error) {
    if (!isVtepError(error) || error.code !== 'CONFLICT') throw error;
    const deletion = await revisionOfDeletion(bucket, subject, what);
    if (deletion === undefined) throw error;
    return replace(bucket, subject, { value }, deletion, what);
  }
}

async function revisionOfDeletion(
  { link, manager, stream }: NatsBucket,
  subject: string,
  what: string,
): Promise<number | undefined> {
  const last = await link.ask('read', what, () => manager.streams.getMessage(stream, { last_by_subj: subject }));
  const operation = last?.header.get('KV-Operation');
  return operation === 'DEL' || operation === 'PURGE' ? last?.seq : undefined;
}
