/** Jobs of captures as bytes. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import {
  type CaptureJob,
  decodeEnvelope,
  decodeJob,
  encodeEnvelope,
  encodeJob,
  MAX_JOB_LENGTH,
} from '../../../src/fleet/captures/capture-job.js';

const JOB: CaptureJob = {
  version: 1,
  program: '1.2.3',
  kind: 'survey',
  files: [
    { name: 'wire.pcap', file: { where: 'path', path: '/srv/wire.pcap', size: 1000, modified: '1764300000000000000' } },
  ],
  port: [4789],
  vni: 4097,
  ignoresReserved: false,
  checksums: true,
  maxRows: 100,
  maxConversations: 10,
  start: { seconds: 1_764_300_000, nanoseconds: 1 },
  trace: false,
  keepTruncated: false,
  aead: 'node',
  hasKeys: true,
};

function refuses(value: unknown, why: RegExp): void {
  const bytes = deflateRawSync(JSON.stringify(value));
  assert.throws(() => decodeJob(bytes, '1.2.3'), { code: 'BAD_JOB', message: why });
}

describe('a job of captures', () => {
  test('is read as it was written', () => {
    assert.deepEqual(decodeJob(encodeJob(JOB), '1.2.3'), JOB);
    const envelope = { version: 1, seal: 'QUJD', job: 'QUJD' } as const;
    assert.deepEqual(decodeEnvelope(encodeEnvelope(envelope)), envelope);
  });

  test('is refused if it is of another version, or of another version of vtep', () => {
    refuses({ ...JOB, version: 2 }, /version/);
    refuses({ ...JOB, program: '1.2.4' }, /the job is of vtep "1\.2\.4", and this worker is 1\.2\.3/);
  });

  test('is refused if it says what this version does not know, since that might change the result', () => {
    refuses({ ...JOB, swap: true }, /not a job/);
    refuses({ ...JOB, files: [{ ...JOB.files[0], offset: 3 }] }, /files\.0/);
  });

  test('is refused with values out of bounds', () => {
    refuses({ ...JOB, vni: 1 << 24 }, /vni/);
    refuses({ ...JOB, port: [] }, /port/);
    refuses({ ...JOB, files: [] }, /files/);
    refuses({ ...JOB, maxConversations: 0 }, /maxConversations/);
    refuses({ ...JOB, files: [...JOB.files, ...JOB.files] }, /only an exam/);
    refuses({ ...JOB, files: [{ name: 'a\0b', file: JOB.files[0].file }] }, /zero byte/);
  });

  test('of a thousand rotated files fits into a queue', () => {
    const path = (i: number): string =>
      `/srv/captures/rack-7/host-12/wire_${String(i).padStart(5, '0')}_20261121170000.pcapng`;
    const files = Array.from({ length: 1000 }, (_, i): CaptureJob['files'][number] => ({
      name: path(i),
      file: {
        where: 'path',
        path: path(i),
        size: 26_214_400 + i * 7,
        modified: String(1_764_300_000_000_000_000n + BigInt(i) * 60_123_456_789n),
      },
    }));
    const job = Buffer.from(encodeJob({ ...JOB, kind: 'exam', files })).toString('base64');
    assert.ok(encodeEnvelope({ version: 1, job }).length <= MAX_JOB_LENGTH);
  });

  test('does not grow without bound as it is decompressed', () => {
    assert.throws(() => decodeJob(deflateRawSync(Buffer.alloc(1 << 26)), '1.2.3'), { code: 'BAD_JOB' });
    assert.throws(() => decodeEnvelope(new Uint8Array(MAX_JOB_LENGTH + 1)), { code: 'BAD_JOB' });
  });

  test('of any bytes is a job or BAD_JOB', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.json(), (bytes, json) => {
        for (const input of [bytes, deflateRawSync(bytes), deflateRawSync(json)]) {
          assert.throws(() => decodeJob(input, '1.2.3'), { code: 'BAD_JOB' });
          assert.throws(() => decodeEnvelope(input), { code: 'BAD_JOB' });
        }
      }),
    );
  });
});
