/** Edited packets have right lengths and checksums, and nothing else changes. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { CapturedPacket } from '../../src/frames/captured-packet.js';
import { createCapture } from '../../src/frames/create-capture.js';
import { edit } from '../../src/frames/edit.js';
import type { Frame } from '../../src/frames/frame.js';
import { openOverlay } from '../../src/frames/open-overlay.js';
import { scratch } from '../cli/run.js';
import { fixture, missing } from '../repository.js';

const CLEAR = fixture('docker/03-vip-http.underlay.pcap');
const folder = scratch();

async function allOf<T>(frames: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const frame of frames) all.push(frame);
  return all;
}

const frames = await allOf(openOverlay(CLEAR));
const ipv6 = await allOf(openOverlay(fixture('vxlan/09-ipv6-inner-proxy.underlay.pcap')));

function first(protocol: string, from: readonly Frame[] = frames): Frame {
  const found = from.find(({ inner }) => inner.protocol === protocol && inner.payload.length > 0);
  assert.ok(found !== undefined, protocol);
  return found;
}

describe('edit', () => {
  test('finish without a change gives the same bytes: lengths and checksums were right', () => {
    for (const frame of [...frames, ...ipv6]) {
      if (frame.inner.isFragment) continue;
      assert.deepEqual(edit(frame).finish().bytes, frame.bytes, `${frame.number} ${frame.inner.protocol}`);
    }
  });

  test('a change and its reverse give the same bytes', () => {
    for (const frame of [first('TCP'), first('ICMP')]) {
      const { source, destination, ttl } = frame.inner;
      assert.ok(source !== undefined && destination !== undefined && ttl !== undefined);
      const there = edit(frame).ip({ source: '1.2.3.4', destination: '5.6.7.8', ttl: 1, dscp: 46, ecn: 1 }).finish();
      assert.notDeepEqual(there.bytes, frame.bytes);
      const { dscp, ecn } = frame.inner;
      const back = edit(there)
        .ip({ source, destination, ttl, dscp: dscp ?? 0, ecn: ecn ?? 0 })
        .finish();
      assert.deepEqual(back.bytes, frame.bytes);
      assert.equal(back.timeNanoseconds, frame.timeNanoseconds);
    }
  });

  test('properties show what was set', () => {
    const { headers } = edit(first('TCP'))
      .ethernet({ source: '02:00:00:00:00:01', destination: '02:00:00:00:00:02' })
      .tcp({ sourcePort: 1, destinationPort: 2, sequence: 4_000_000_000, acknowledgment: 5, window: 6, flags: 2 })
      .payload(Buffer.from('hello'))
      .finish();
    assert.deepEqual([headers.sourceMac, headers.destinationMac], ['02:00:00:00:00:01', '02:00:00:00:00:02']);
    assert.deepEqual([headers.sourcePort, headers.destinationPort], [1, 2]);
    const { sequence, acknowledgment, window, syn, ack } = headers.tcp ?? {};
    assert.deepEqual([sequence, acknowledgment, window, syn, ack], [4_000_000_000, 5, 6, true, false]);
    assert.equal(Buffer.from(headers.payload).toString(), 'hello');
    assert.equal(headers.payloadLength, 5);
  });

  test('the original stays as it is', () => {
    const frame = first('TCP');
    const before = frame.bytes.slice();
    edit(frame).ip({ destination: '10.0.9.99' }).payload(new Uint8Array(9)).finish();
    assert.deepEqual(frame.bytes, before);
  });

  test('refuses what the packet does not have, with a reason', () => {
    const tcp = first('TCP');
    const code = (call: () => unknown): string => {
      try {
        call();
      } catch (error) {
        return (error as { code: string }).code;
      }
      return 'accepted';
    };
    assert.equal(
      code(() => edit(tcp).udp({ sourcePort: 1 })),
      'NOT_EDITABLE',
    );
    assert.equal(
      code(() => edit(tcp).ip({ source: '::1' })),
      'BAD_EDIT',
    );
    assert.equal(
      code(() => edit(tcp).ip({ source: '10.0.0' })),
      'BAD_ADDRESS',
    );
    assert.equal(
      code(() => edit(tcp).ip({ ttl: 256 })),
      'BAD_EDIT',
    );
    assert.equal(
      code(() => edit(tcp).tcp({ sourcePort: -1 })),
      'BAD_EDIT',
    );
    assert.equal(
      code(() => edit(tcp).payload(new Uint8Array(65_536)).finish()),
      'BAD_EDIT',
    );
    assert.equal(
      code(() => edit(tcp.packet).outer()),
      'NOT_EDITABLE',
    );
    assert.equal(
      code(() => edit(new CapturedPacket(tcp.bytes, 0, 0, 1, 1, 2000))),
      'NOT_EDITABLE',
    );
    assert.equal(
      code(() => edit(new Uint8Array(3))),
      'NOT_EDITABLE',
    );
    const arp = frames.find(({ inner }) => inner.protocol === 'ARP');
    if (arp !== undefined)
      assert.equal(
        code(() => edit(arp).ip({ ttl: 1 })),
        'NOT_EDITABLE',
      );
  });

  test('refuses what is no packet or payload, by name', () => {
    for (const bad of [5, undefined, null, {}, 'text']) {
      assert.throws(() => edit(bad as never), { code: 'NOT_EDITABLE', message: /not a packet/ });
      assert.throws(() => edit(first('TCP')).payload(bad as never), { code: 'BAD_EDIT' });
    }
  });

  test('any bytes are edited or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), fc.nat(frames.length - 1), (bytes, index) => {
        const mixed = frames[index].bytes.slice();
        mixed.set(bytes.subarray(0, mixed.length), Math.min(12, mixed.length));
        for (const input of [bytes, mixed]) {
          try {
            const { headers } = edit(input).payload(bytes).finish();
            assert.deepEqual(Buffer.from(headers.payload), Buffer.from(bytes));
          } catch (error) {
            assert.match((error as { code: string }).code, /^(?:NOT_EDITABLE|BAD_EDIT|BAD_ADDRESS)$/);
          }
        }
      }),
    );
  });
});

test(
  'tshark finds no wrong checksum or length in edited frames, inner or outer',
  { skip: missing('tshark') },
  async () => {
    const inner = join(folder, 'inner.pcapng');
    const outer = join(folder, 'outer.pcapng');
    const [innerOutput, outerOutput] = [await createCapture(inner), await createCapture(outer)];
    const edited = [...frames, ...ipv6].filter(
      ({ inner: { isFragment, family } }) => !isFragment && family !== undefined,
    );
    for (const frame of edited) {
      const editor = edit(frame)
        .ip(frame.inner.family === 4 ? { destination: '10.0.9.99' } : { destination: 'fd00::99' })
        .payload(Buffer.concat([frame.inner.payload, Buffer.from('!')]));
      await innerOutput.write(editor.finish());
      const outside = frame.outer?.family === 4 ? { source: '192.168.50.77' } : { source: 'fd00:50::77' };
      await outerOutput.write(editor.outer().ip(outside).udp({ sourcePort: 50_000 }).finish());
    }
    await innerOutput.close();
    await outerOutput.close();
    const checks = ['ip', 'tcp', 'udp'].flatMap((name) => ['-o', `${name}.check_checksum:TRUE`]);
    // The additional byte is one too many for the streams.
    checks.push('-o', 'tcp.desegment_tcp_streams:FALSE', '--disable-protocol', 'http');
    for (const [path, address] of [
      [inner, 'ip.dst == 10.0.9.99 or ipv6.dst == fd00::99'],
      [outer, '(ip.src == 192.168.50.77 or ipv6.src == fd00:50::77) and udp.srcport == 50000'],
    ]) {
      const bad =
        '_ws.malformed or ip.checksum.status == 0 or tcp.checksum.status == 0 or udp.checksum.status == 0 or icmp.checksum.status == 0 or icmpv6.checksum.status == 0';
      const count = (filter: string): number =>
        spawnSync('tshark', ['-r', path, ...checks, '-Y', filter])
          .stdout.toString()
          .trim()
          .split('\n')
          .filter(Boolean).length;
      assert.equal(count(address), edited.length);
      assert.equal(count(bad), 0);
    }
  },
);
