/** A store in a key-value bucket of NATS JetStream. */
import type { JetStreamManager } from '@nats-io/jetstream';
import type { KV } from '@nats-io/kv';
import { isVtepError } from '../../../error.js';
import { StoreError } from '../../error.js';
import { checkKey, checkPrefix, checkValue, MAX_RECORDS, MAX_VALUE_LENGTH } from '../key.js';
import {
  type PutOptions,
  type Store,
  type StoreChange,
  type StoreRecord,
  type StoreSnapshot,
  type WatchOptions,
} from '../store.js';
import { parseStoreAddress } from './address.js';
import { connectNats, DEFAULT_TIMEOUT, type NatsOptions } from './connect.js';
import { storeFailure } from './failure.js';
import { NatsLink } from './link.js';
import { loadNats } from './packages.js';
import { type NatsBucket, NatsReader, SNAPSHOT_BATCH } from './reader.js';
import { COMPACTED_KEY, subjectOf, subjectsOf, swapSeparators } from './subject.js';
import { changeOf, compactedRevision, NatsWatch } from './watch.js';
import { create, replace } from './write.js';

/** What the headers of a message may take of the server's limit for it, in bytes. */
const HEADERS_LENGTH = 1024;
/** JetStream's err_code (nats-server, server/errors.json). */
const STREAM_NOT_FOUND = 10_059;

/**
 * A store shared by the hosts of an overlay: the bucket `vtep_OVERLAY`, which is made if there is none. nats-server 2.9
 * or later, with JetStream.
 *
 * Not durable against a power failure: NATS answers before it syncs to disk, by default every 2 minutes
 * (https://github.com/nats-io/nats-server/issues/7564). A killed server process loses nothing that it answered, as the
 * kernel has it; a host that loses power may lose the last writes. Who has seen them then gets `RESET`, as long as the
 * server hasn't reached the same revisions again.
 *
 * While there is no connection, reads and writes fail at once with `UNAVAILABLE`; a write that was on its way fails with
 * `OUTCOME_UNKNOWN`. Watches wait, and resume by revision. Pings find a silent server within 15 seconds.
 */
export class NatsStore implements Store {
  readonly #bucket: NatsBucket;
  readonly #kv: KV;

  private constructor(bucket: NatsBucket, kv: KV) {
    this.#bucket = bucket;
    this.#kv = kv;
  }

  /**
   * Connects to a store, once: the caller decides whether the address is wrong or the server is down, and retries.
   * @param address nats://HOST:PORT/OVERLAY, of a cluster with commas: nats://a:4222,b:4222/OVERLAY
   * @throws StoreError `BAD_ADDRESS`, `UNAVAILABLE`, `NOT_PERMITTED`, `UNREADABLE`, `UNSUITABLE`, `NATS_UNAVAILABLE`;
   * `NOT_THERE` if it isn't to be made
   */
  static async open(address: string, options: NatsOptions = {}): Promise<NatsStore> {
    const where = parseStoreAddress(address);
    const packages = await loadNats();
    const connection = await connectNats(packages, where, options);
    const link = new NatsLink(connection);
    try {
      const { timeout = DEFAULT_TIMEOUT, replicas = 1, creates = true } = options;
      const jetstream = packages.jetstream.jetstream(connection, { timeout });
      const name = `vtep_${where.overlay}`;
      const what = `open the bucket ${name}`;
      const manager = await link.ask('read', what, () => packages.jetstream.jetstreamManager(connection, { timeout }));
      if (!creates) await checkThere(link, manager, where.overlay);
      const kv = await link.ask('read', what, () =>
        // Not from replicas, which may lag behind.
        new packages.kv.Kvm(jetstream).create(name, {
          history: 1,
          replicas,
          allow_direct: false,
          maxValueSize: MAX_VALUE_LENGTH + HEADERS_LENGTH,
        }),
      );
      const bucket = { name, stream: `KV_${name}`, packages, jetstream, manager, link };
      await checkSuitable(bucket, options.replicas);
      return new NatsStore(bucket, kv);
    } catch (error) {
      await link.close();
      throw error;
    }
  }

  get connected(): boolean {
    return this.#bucket.link.connected && !this.#bucket.link.closed;
  }

  async get(key: string): Promise<StoreRecord | undefined> {
    checkKey(key);
    const entry = await this.#bucket.link.ask('read', `get ${key}`, () => this.#kv.get(swapSeparators(key)));
    if (entry?.operation !== 'PUT') return undefined;
    return { key, value: new Uint8Array(entry.value), revision: entry.revision };
  }

  async put(key: string, value: Uint8Array, { revision }: PutOptions = {}): Promise<number> {
    checkKey(key);
    checkValue(key, value);
    const what = `put ${key}`;
    const subject = subjectOf(this.#bucket.name, key);
    if (revision === 0) return create(this.#bucket, subject, value, what);
    if (revision !== undefined) return replace(this.#bucket, subject, { value }, revision, what);
    return this.#bucket.link.ask('write', what, () => this.#kv.put(swapSeparators(key), value));
  }

  async delete(key: string, revision: number): Promise<void> {
    checkKey(key);
    // To the server, 0 would be a key that never was.
    if (revision === 0) throw new StoreError('CONFLICT', `delete ${key}: there is nothing at revision 0`);
    await replace(this.#bucket, subjectOf(this.#bucket.name, key), { deleted: true }, revision, `delete ${key}`);
  }

  async snapshot(prefix: string): Promise<StoreSnapshot> {
    checkPrefix(prefix);
    const records = new Map<string, StoreRecord>();
    const revision = await this.#readAll(prefix, false, (change) => {
      if (change.kind === 'put') records.set(change.key, change);
      else records.delete(change.key);
      if (records.size > MAX_RECORDS) throw new StoreError('FULL', `the store has more than ${MAX_RECORDS} records`);
    });
    return {
      revision,
      records: [...records.values()].map(({ key, value, revision: at }) => ({ key, value, revision: at })),
    };
  }

  async *watch(prefix: string, revision: number, { signal }: WatchOptions = {}): AsyncGenerator<StoreChange> {
    checkPrefix(prefix);
    this.#bucket.link.checkUsable();
    yield* new NatsWatch(this.#bucket, prefix, revision, signal).changes();
  }

  async compact(revision: number): Promise<void> {
    const { link, manager, stream } = this.#bucket;
    const { state } = await link.ask('read', 'ask for the stream', () => manager.streams.info(stream));
    const upTo = Math.min(revision, state.last_seq);
    await this.#recordCompacted(upTo);
    const deletions: number[] = [];
    await this.#readAll('', true, (change) => {
      if (change.kind === 'delete' && change.revision <= upTo) deletions.push(change.revision);
    });
    for (const deletion of deletions) {
      // By its own number, so that what was written under its key since then stays.
      await link
        .ask('write', 'forget a deletion', () => manager.streams.deleteMessage(stream, deletion, false))
        .catch(ignoreGone);
    }
  }

  close(): Promise<void> {
    return this.#bucket.link.close();
  }

  /** @returns the revision up to which everything was read */
  async #readAll(
    prefix: string,
    headersOnly: boolean,
    take: (change: Extract<StoreChange, { key: string }>) => void,
  ): Promise<number> {
    const { link, manager, stream, name } = this.#bucket;
    const { state } = await link.ask('read', 'ask for the stream', () => manager.streams.info(stream));
    const reader = await NatsReader.open(this.#bucket, subjectsOf(name, prefix), 0, headersOnly);
    const { losses } = link;
    let seen = 0;
    let pending = reader.waiting;
    try {
      while (pending > 0 && seen < state.last_seq) {
        let received = 0;
        const most = Math.min(pending, SNAPSHOT_BATCH);
        for await (const message of reader.batch(most)) {
          received++;
          seen = message.seq;
          pending = message.info.pending;
          const change = changeOf(name, message);
          if (change) take(change);
          if (pending === 0) break;
        }
        link.checkUsable();
        if (link.losses !== losses) throw new StoreError('UNAVAILABLE', 'snapshot: the connection was lost');
        // Those that waited may have been superseded or removed meanwhile.
        if (received < most && pending > 0) pending = await reader.pending();
      }
    } finally {
      reader.close();
    }
    return Math.max(seen, state.last_seq);
  }

  async #recordCompacted(revision: number): Promise<void> {
    const { link } = this.#bucket;
    while (revision > (await compactedRevision(this.#bucket))) {
      const last = await link.ask('read', 'ask what is kept', () => this.#kv.get(COMPACTED_KEY));
      const options = { previousSeq: last?.revision ?? 0 };
      try {
        await link.ask('write', 'compact', () => this.#kv.put(COMPACTED_KEY, String(revision), options));
      } catch (error) {
        // Another does the same: one of them has the higher revision.
        if (!isVtepError(error) || error.code !== 'CONFLICT') throw error;
      }
    }
  }
}

function ignoreGone(error: unknown): void {
  const { cause } = storeFailure(error, 'write', 'forget a deletion');
  const { code } = (cause ?? {}) as { code?: unknown };
  // 10043: no such message. 10057: it can't be deleted, as it is already.
  if (code !== 10_043 && code !== 10_057) throw error;
}

async function checkThere(link: NatsLink, manager: JetStreamManager, overlay: string): Promise<void> {
  const name = `vtep_${overlay}`;
  const isThere = await link.ask('read', `look for the bucket ${name}`, () =>
    manager.streams.info(`KV_${name}`).then(
      () => true,
      (error: unknown) => {
        if ((error as { readonly code?: unknown }).code === STREAM_NOT_FOUND) return false;
        throw error;
      },
    ),
  );
  if (!isThere)
    throw new StoreError('NOT_THERE', `the server has no overlay ${overlay}; vtep network create makes one`);
}

async function checkSuitable({ link, manager, stream, name }: NatsBucket, replicas = 1): Promise<void> {
  const { config } = await link.ask('read', 'ask for the stream', () => manager.streams.info(stream));
  const why =
    config.max_age > 0
      ? 'lets records expire'
      : config.max_msgs_per_subject !== 1
        ? 'keeps the history of each key'
        : config.discard !== 'new'
          ? 'drops records when it is full'
          : undefined;
  if (why !== undefined) {
    throw new StoreError('UNSUITABLE', `the bucket ${name} was made by something else and ${why}; use another overlay`);
  }
  if (config.num_replicas < replicas) {
    throw new StoreError(
      'UNSUITABLE',
      `the bucket ${name} has ${config.num_replicas} of ${replicas} copies: nats stream edit ${stream} --replicas ${replicas}`,
    );
  }
}
