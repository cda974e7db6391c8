import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { storeNotSynced } from '../../../../src/doctor/findings/engine/store/store-not-synced.js';
import { isSilent, raises } from '../../assert-finding.js';
import { at, evidence, node } from '../../swarm-evidence.js';

type Streams = NonNullable<Parameters<typeof node>[1]>['streams'];
type Stream = NonNullable<Streams>[number];

function stream(changes: Partial<Stream> = {}): Stream {
  const kept = { inFiles: true, replicas: 1, syncAlways: false, syncInterval: 120 };
  return { place: at('jsz'), stream: 'KV_vtep_web', ...kept, ...changes };
}

const servers = (...streams: Stream[]) => evidence(streams.map((one, i) => node(`s${i}`, { streams: [one] })));

describe('a store whose server answers before it syncs (nats-io/nats-server#7564)', () => {
  it('is a warning if it has one copy', () => {
    const { commands = [] } = raises(
      storeNotSynced,
      servers(stream()),
      /^KV_vtep_web is synced to disk every 120 s, .*: changes of the last 120 s may be lost when the host loses power\.$/,
      'warning',
    );
    assert.ok(commands.includes('nats stream edit KV_vtep_web --replicas 3'));
  });

  it('is a note if several servers have copies, once for all of them', () => {
    const copy = stream({ replicas: 3, syncInterval: 10 });
    raises(
      storeNotSynced,
      servers(copy, copy, { ...copy, syncAlways: true }),
      /last 10 s may be lost if most of its 3 servers lose power at once\.$/,
      'note',
    );
  });

  it('is a warning if it is in memory, whatever the server syncs', () => {
    raises(storeNotSynced, servers(stream({ inFiles: false, syncAlways: true })), /all of it is lost when/, 'warning');
  });

  it('is none if each write is synced', () => {
    isSilent(storeNotSynced, servers(stream({ syncAlways: true })));
  });
});
