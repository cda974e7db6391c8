/** The library's device classes, on loopback. test/cli tests the commands. */
import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { DeviceSink, DeviceSource, listDevices } from '../../../src/live/index.js';
import { devicesMissing } from '../veth.js';

describe('a device of the system', { skip: devicesMissing() }, () => {
  let socket: Socket;
  let port = 0;
  before(async () => {
    socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    ({ port } = socket.address());
  });
  after(() => socket.close());

  test('listDevices includes loopback and its addresses', () => {
    const loopback = listDevices().find(({ name }) => name === 'lo');
    assert.equal(loopback?.loopback, true);
    assert.ok(loopback.addresses.includes('127.0.0.1'));
  });

  test('DeviceSource uses the first filter that libpcap accepts, and provides packets until stopped', async () => {
    const source = await DeviceSource.open('lo', {
      filters: ['no filter', `udp dst port ${port}`, 'tcp'],
      bufferBytes: 1 << 20,
    });
    assert.deepEqual([source.name, source.format, source.interfaces.length], ['lo', 'live', 1]);
    for (let i = 0; i < 3; i++) socket.send(`packet ${i}`, port, '127.0.0.1');
    const texts: string[] = [];
    const before = Date.now() / 1000 - 5;
    for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
      for (let i = 0; i < batch.count; i++) {
        const at = batch.offset[i];
        // Ethernet, IPv4 and UDP headers: 42 bytes.
        texts.push(Buffer.from(batch.bytes.subarray(at + 42, at + batch.capturedLength[i])).toString());
        assert.ok(batch.seconds[i] > before && batch.seconds[i] < before + 60);
      }
      if (texts.length === 3) source.stop();
    }
    assert.deepEqual(texts, ['packet 0', 'packet 1', 'packet 2']);
    assert.equal(source.damage, undefined);
    assert.equal(source.kernelDrops, 0);
    assert.equal(await source.next(), undefined);
    source.stop();
    await source.close();
    await source.close();
  });

  test('DeviceSource can be closed during a pending read', async () => {
    const source = await DeviceSource.open('lo', { filters: ['less 1'] });
    const waiting = source.next();
    await source.close();
    assert.equal(await waiting, undefined);
    assert.equal(source.damage, undefined);
  });

  test('DeviceSink sends nothing after stop, and counts what it didn’t send', async () => {
    const sink = await DeviceSink.open('lo', { by: 'packets', rate: 0.001 });
    const frame = new Uint8Array(60);
    for (let i = 0; i < 10; i++) sink.write(frame, 0, 60, 60, 0, 0);
    await sink.room();
    while (sink.counts.packets === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    sink.stop();
    const { packets, bytes, unsent, failure } = await sink.finish();
    assert.deepEqual({ packets, bytes, unsent, failure }, { packets: 1, bytes: 60, unsent: 9, failure: undefined });
    await sink.close();
  });

  test('throws a typed error for a missing device', async () => {
    const expected = { name: 'LiveError', code: 'NO_SUCH_DEVICE' };
    await assert.rejects(DeviceSource.open('none0'), expected);
    await assert.rejects(DeviceSink.open('none0', { by: 'none' }), expected);
    await assert.rejects(DeviceSource.open('lo', { filters: ['no filter'] }), { code: 'BAD_FILTER' });
  });
});
