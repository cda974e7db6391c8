import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { readInputs } from '../../../../src/doctor/index.js';
import { fixture } from '../../../repository.js';

const PASTE = readFileSync(fixture('doctor/store-not-synced/jsz.txt'), 'utf8');
const DOCUMENT = JSON.parse(PASTE.slice(PASTE.indexOf('{'))) as Record<string, unknown>;

function read(document: unknown): ReturnType<typeof readInputs> {
  return readInputs([{ name: 'jsz', text: JSON.stringify(document) }]);
}

function detail(name: string, config: unknown = { storage: 'file', num_replicas: 3 }): unknown {
  return { ...DOCUMENT, account_details: [{ stream_detail: [{ name, config }] }] };
}

describe('/jsz of a NATS server', () => {
  it('has the streams of vtep, and how they are kept', () => {
    const { nodes, inputs } = readInputs([{ name: 'jsz.txt', text: PASTE }]);
    const expected = { stream: 'KV_vtep_overlay', inFiles: true, replicas: 1, syncAlways: false, syncInterval: 120 };
    assert.deepEqual(
      nodes.flatMap(({ streams = [] }) => streams),
      [{ ...expected, place: { file: 'jsz.txt', line: 2 } }],
    );
    assert.deepEqual(inputs[0].warnings, []);
  });

  it('may have streams of others, which are ignored, and any shape', () => {
    for (const odd of [
      detail('KV_other'),
      detail(`KV_vtep_${'x'.repeat(100)}`),
      detail('KV_vtep_a\u001b[2J'),
      detail('KV_vtep_a', null),
      { ...DOCUMENT, account_details: [null, 3, { stream_detail: [null, 'x', {}] }] },
    ]) {
      assert.deepEqual(
        read(odd).nodes.flatMap(({ streams = [] }) => streams),
        [],
      );
    }
    assert.equal(read(detail('vtep_jobs_a')).nodes[0].streams?.length, 1);
  });

  it('without streams, and /varz, are answered with what to give', () => {
    const hint = /\/jsz\?config=1&streams=1/;
    for (const other of [
      { ...DOCUMENT, account_details: undefined },
      { server_id: 'N', max_control_line: 4096, jetstream: {} },
    ]) {
      assert.match(read(other).inputs[0].warnings.join('\n'), hint);
    }
  });
});
