import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { after, describe, test } from 'node:test';
import { DumpcapSource } from '../../../src/cli/extcap/dumpcap-source.js';
import { portOf } from '../../live/loopback.js';
import { devicesMissing } from '../../live/veth.js';
import { missing } from '../../repository.js';

const PORT = portOf(7);

describe('a device through dumpcap', { skip: devicesMissing() || missing('dumpcap') }, () => {
  const socket = createSocket('udp4');
  after(() => socket.close());

  test('gives its packets, with the first filter that libpcap takes, until it is stopped', async () => {
    const source = await DumpcapSource.open('lo', ['no filter', `udp dst port ${PORT}`]);
    const sending = setInterval(() => socket.send('seen', PORT, '127.0.0.1'), 20);
    try {
      const batch = await source.next();
      assert.ok(batch !== undefined);
      const end = batch.offset[0] + batch.capturedLength[0];
      assert.equal(Buffer.from(batch.bytes.subarray(end - 4, end)).toString(), 'seen');
      source.stop();
      while ((await source.next()) !== undefined);
      assert.equal(source.damage, undefined);
      assert.equal(source.kernelDrops, 0);
    } finally {
      clearInterval(sending);
      await source.close();
    }
  });

  test('says what is wrong in one line', async () => {
    await assert.rejects(DumpcapSource.open('lo', ['no filter']), { code: 'BAD_FILTER' });
    await assert.rejects(DumpcapSource.open('nowhere0', ['']), {
      code: 'NO_SUCH_DEVICE',
      message: /^"nowhere0": [^\n]+$/,
    });
  });
});
