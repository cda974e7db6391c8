/** JetStream's monitoring of a NATS server: http://SERVER:8222/jsz?config=1&streams=1. */
import type { StoreStream } from '../../evidence/store.js';
import { isObject, type JsonObject, listOf, numberOf, objectOf, stringOf } from '../json-values.js';
import { keptText, placeIn, type Source } from '../source.js';

/** Streams that vtep makes: its records and its jobs. The name of an overlay has at most 64 characters. */
const STREAM = /^(?:KV_vtep_|vtep_jobs_)[A-Za-z0-9_-]{1,64}$/;
/** nats-server's default, which its monitoring doesn't show (defaultSyncInterval of server/filestore.go). */
const SYNC_INTERVAL = 120;
const NANOSECONDS = 1e9;

/** Whether an object is a server's `/jsz`. */
export function isJetStreamMonitoring(object: JsonObject): boolean {
  return typeof object['server_id'] === 'string' && 'store_dir' in objectOf(object['config']);
}

/** Whether it shows streams, which it does if it is asked to. */
export function hasStreams(object: JsonObject): boolean {
  return listOf(object['account_details']).some((account) => Array.isArray(objectOf(account)['stream_detail']));
}

/** The streams of vtep's in it. */
export function* storeStreamsOf(source: Source, object: JsonObject, line: number): Generator<StoreStream> {
  const { sync_always: always, sync_interval: interval } = objectOf(object['config']);
  for (const account of listOf(object['account_details'])) {
    for (const detail of listOf(objectOf(account)['stream_detail']).filter(isObject)) {
      const stream = stringOf(detail['name']);
      const config = objectOf(detail['config']);
      if (!STREAM.test(stream) || stringOf(config['storage']) === '') continue;
      yield {
        place: placeIn(source, line),
        stream: keptText(stream),
        inFiles: config['storage'] === 'file',
        replicas: Math.max(1, numberOf(config['num_replicas'])),
        syncAlways: always === true,
        syncInterval: numberOf(interval) > 0 ? numberOf(interval) / NANOSECONDS : SYNC_INTERVAL,
      };
    }
  }
}
