import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CaptureBatch, openCaptureFile } from '../../src/capture/index.js';
import { EgressChain, IngressChain, UnderlayDecoder, Verdict } from '../../src/dataplane/index.js';
import { Arena, PacketBatch } from '../../src/memory/index.js';
import { NodeTables } from '../../src/overlay/index.js';
import { HeaderError, headerErrorText } from '../../src/wire/index.js';
import { fixture } from '../repository.js';
import { topologyOf } from './topology.js';

test('no verdict and no header error is falsy, so that a condition on one is always true', () => {
  for (const value of [...Object.values(Verdict), ...Object.values(HeaderError)]) assert.ok(value);
  assert.equal(headerErrorText(HeaderError.None), 'none');
  assert.equal(headerErrorText(HeaderError.LengthTooSmall), 'length smaller than the header');
});

describe('receivePacket', () => {
  test('gives the verdict that receive gives for the offsets of the packet', async () => {
    const source = await openCaptureFile(fixture('docker/03-vip-http.underlay.pcap'));
    const [one, other] = [new UnderlayDecoder(), new UnderlayDecoder()];
    for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
      const { bytes, offset, capturedLength, originalLength, linkType, seconds } = batch;
      for (let i = 0; i < batch.count; i++) {
        const [end, limit] = [offset[i] + capturedLength[i], offset[i] + originalLength[i]];
        assert.equal(one.receivePacket(batch, i), other.receive(linkType[i], bytes, offset[i], end, limit, seconds[i]));
        assert.deepEqual([one.vni, one.frameOffset, one.frameEnd], [other.vni, other.frameOffset, other.frameEnd]);
      }
    }
    await source.close();
    assert.equal(one.frames, 181);
  });

  test('refuses an index outside of the batch', () => {
    const batch = new CaptureBatch();
    batch.count = 1;
    for (const index of [-1, 1, Number.NaN]) {
      assert.throws(() => new UnderlayDecoder().receivePacket(batch, index), { code: 'BAD_RANGE' });
    }
  });
});

test('chains refuse milliseconds as their time', () => {
  const arena = new Arena({ slots: 4 });
  const tables = new NodeTables(topologyOf(), 'n1');
  const batch = new PacketBatch(arena);
  const egress = new EgressChain(tables, arena, { wire: () => undefined });
  const ingress = new IngressChain(tables, arena, () => undefined);
  const now = Date.now();
  const runs = [() => egress.run(batch, now), () => ingress.run(batch, now), () => ingress.runDatagrams(batch, now)];
  for (const run of runs) assert.throws(run, { code: 'BAD_TIME' });
});
