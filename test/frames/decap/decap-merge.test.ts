/** Captures that are decapsulated each by itself, and merged. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { PcapWriter } from '../../../src/capture/portable.js';
import { PIECE_BYTES } from '../../../src/frames/internal.js';
import { EtherType } from '../../../src/wire/index.js';
import { packetsIn, seededCuts, splitCapture } from '../../capture/split-capture.js';
import { ethernet, FRAME, join, overlay, udpIp, vxlan } from '../../dataplane/build.js';
import { noise, split } from '../../fragment/split.js';
import { fixture } from '../../repository.js';
import { inOnePass, merged, newMerge, type Options, piecesOf } from './decapsulated.js';

const RING = fixture('docker/swarm-keys.txt');

function capture(name: string): Uint8Array {
  const bytes = readFileSync(fixture(name));
  return name.endsWith('.gz') ? gunzipSync(bytes) : bytes;
}

/** A capture of Ethernet packets, one a second. */
function captureOf(packets: readonly Uint8Array[], begin = 0, captured = Infinity): Uint8Array {
  const written: Uint8Array[] = [];
  const writer = new PcapWriter((bytes) => written.push(bytes.slice()));
  packets.forEach((packet, i) => {
    writer.write(packet, 0, Math.min(packet.length, captured), packet.length, begin + i, 0);
  });
  writer.flush();
  return join(...written);
}

/** VXLAN in fragments. */
function fragments(vni: number, id: number): Uint8Array[] {
  const bytes = udpIp(4, 4789, vxlan(vni, ethernet(udpIp(4, 80, noise(1200, id)), EtherType.Ipv4)), 'right');
  bytes.set([id >>> 8, id & 0xff], 4);
  return split({ bytes, headerLength: 20, announcedAt: -1 }, [64, 50]).map((part) => ethernet(part, EtherType.Ipv4));
}

async function equalsOnePass(captures: readonly Uint8Array[], options: Options = {}): Promise<object> {
  const here = await inOnePass(captures, options);
  const both = await merged(captures, options);
  assert.ok(both !== undefined, 'takes one pass');
  assert.deepEqual(both.report, here.report);
  assert.ok(both.output.equals(here.output), 'other frames');
  return here.report;
}

describe('captures merged are as in one pass:', () => {
  for (const [name, options] of [
    ['docker/03-vip-http.underlay.pcap', {}],
    ['docker/03-vip-http.underlay.pcap', { vni: 4097 }],
    ['docker/05-ingress.underlay.pcap', { vni: 1 }],
    ['docker/07-encrypted.underlay.pcap', {}],
    ['docker/07-encrypted.underlay.pcap', { keys: RING }],
    ['esp/04-esp-wrong-key.underlay.pcap', { keys: fixture('esp/04-esp-wrong-key.xfrm.txt') }],
    ['esp/05-esp-aes256-icv128-esn.underlay.pcap', { keys: fixture('esp/05-esp-aes256-icv128-esn.xfrm.txt') }],
    ['esp/08-esp-key-rotation.underlay.pcap', { keys: fixture('esp/08-esp-key-rotation.2-n1-switched.xfrm.txt') }],
    ['esp/09-esp-frag-1500.underlay.pcap', { keys: fixture('esp/09-esp-frag-1500.xfrm.txt') }],
    ['esp/12-esp-tunnel.underlay.pcap', { keys: fixture('esp/12-esp-tunnel.xfrm.txt') }],
    ['esp/13-esp-natt.underlay.pcap', { keys: fixture('esp/13-esp-natt.xfrm.txt') }],
    ['esp/14-esp-ipv6.underlay.pcap', { keys: fixture('esp/14-esp-ipv6.xfrm.txt') }],
    ['esp/16-vxlan-frag-reorder-dup-loss.underlay.pcap', {}],
    ['vxlan/10-formats.snap96.pcap', { keepTruncated: true }],
    ['vxlan/10-formats.dumpcap.pcapng', {}],
    ['captures/vxlan-port-8472.pcap', {}],
  ] as const) {
    const { keys, ...others } = { keys: undefined, ...options };
    const how = keys === undefined ? JSON.stringify(others) : 'with keys';
    test(`${name} ${how}, wherever it is split`, async () => {
      const whole = capture(name);
      for (const seed of [1, 2, 3]) {
        await equalsOnePass(splitCapture(whole, seededCuts(packetsIn(whole), 4, seed)), options);
      }
    });
  }

  test('fragments in several files, of which some never come', async () => {
    const [a, b, c] = [fragments(7, 1), fragments(9, 2), fragments(7, 3)];
    const captures = [
      captureOf([a[0], overlay(4, 8, FRAME), b[0]]),
      captureOf([a[2], c[0], a[1], b[2]], 3),
      captureOf([c[1]], 7),
    ];
    const report = await equalsOnePass(captures);
    assert.deepEqual(
      (report as { networks: { vni: number }[] }).networks.map(({ vni }) => vni),
      [8, 7],
    );
    assert.equal((report as { held: number }).held, 4);
  });

  test('VNIs that are filtered or refused, and ports that look like VXLAN, in the order of their first packets', async () => {
    const refused = (vni: number): Uint8Array => ethernet(udpIp(4, 4789, vxlan(vni, FRAME, 0x88)), EtherType.Ipv4);
    const guessed = (port: number, vni: number): Uint8Array =>
      ethernet(udpIp(4, port, vxlan(vni, FRAME)), EtherType.Ipv4);
    await equalsOnePass(
      [
        captureOf([overlay(4, 30, FRAME), refused(5), ...fragments(20, 1).slice(0, 2), guessed(8472, 3)]),
        captureOf([fragments(20, 1)[2], overlay(4, 10, FRAME), refused(4), guessed(8473, 1), guessed(8472, 2)]),
        captureOf([overlay(4, 20, FRAME), overlay(4, 10, FRAME), refused(4), refused(5), guessed(8472, 1)]),
      ],
      { vni: 1 },
    );
  });

  test('captures without packets', async () => {
    await equalsOnePass([captureOf([]), captureOf([overlay(4, 7, FRAME)]), captureOf([])]);
  });
});

describe('one pass is needed', () => {
  const name = 'esp/01-esp-docker-aes128-icv64';
  const keys = readFileSync(fixture(`${name}.xfrm.txt`), 'utf8').replaceAll('replay-window 0', 'replay-window 32');

  test('if packets are replayed from an earlier capture', async () => {
    const whole = capture(`${name}.underlay.pcap`);
    assert.notEqual(await merged([whole], { keys }), undefined);
    assert.equal(await merged([whole, whole], { keys }), undefined);
  });

  test('if there are more VNIs than are counted separately', async () => {
    const many = captureOf(Array.from({ length: 80 }, (_, i) => overlay(4, 100 + i, FRAME)));
    assert.equal(await merged([many], { vni: 1 }), undefined);
    await equalsOnePass([many]);
  });
});

describe('pieces', () => {
  test('are of a bounded size, and come in order', async () => {
    const frame = ethernet(udpIp(4, 80, noise(1400, 1)), EtherType.Ipv4);
    const packets = [7, 8, 9].map((vni) => overlay(4, vni, frame));
    const bytes = captureOf(Array.from({ length: 2000 }, (_, i) => packets[i % 3]));
    const pieces = await piecesOf(bytes);
    assert.equal(pieces.length, 3);
    assert.deepEqual(
      pieces.map(({ index, end }) => [index, end !== undefined]),
      [
        [0, false],
        [1, false],
        [2, true],
      ],
    );
    for (const { records } of pieces) assert.ok(records.length < PIECE_BYTES + 2000);
    await equalsOnePass([bytes]);
  });

  test('that are missing, repeated or of another version are refused', async () => {
    const [piece] = await piecesOf(capture('docker/03-vip-http.underlay.pcap'));
    for (const wrong of [
      undefined,
      null,
      7,
      [],
      { ...piece, version: 0 },
      { ...piece, index: 1 },
      { ...piece, records: [...piece.records] },
      { ...piece, esp: undefined },
      { ...piece, end: { ...piece.end, sums: undefined } },
      { ...piece, end: { ...piece.end, filtered: [{ vni: 1 << 24, packets: 1 }] } },
      { ...piece, records: piece.records.subarray(1) },
      { ...piece, records: piece.records.subarray(0, -1) },
      { ...piece, records: new Uint8Array(0) },
    ]) {
      const { merge } = await newMerge();
      assert.throws(() => merge.add(wrong), { name: 'FramesError', code: 'BAD_PIECE' });
    }
    const { merge } = await newMerge();
    merge.add({ ...piece, end: undefined });
    assert.throws(() => merge.end(), { code: 'BAD_PIECE' });
    assert.throws(() => merge.add(piece), { code: 'BAD_PIECE' });
  });

  test('with any bytes changed are refused, or merged as something else', async () => {
    for (const [name, times, options] of [
      ['esp/16-vxlan-frag-reorder-dup-loss.underlay.pcap', 200, {}],
      ['docker/07-encrypted.underlay.pcap', 40, { keys: RING }],
    ] as const) {
      const [piece] = await piecesOf(capture(name), options);
      const random = noise(4096, 9);
      let refused = 0;
      for (let i = 0; i < times; i++) {
        const at = (random[3 * i] << 8) | random[3 * i + 1];
        const changed = structuredClone(piece);
        const columns = [changed.records, ...Object.values(changed.esp).filter((column) => ArrayBuffer.isView(column))];
        const column = columns[i % 4 === 0 ? 1 + ((i >>> 2) % (columns.length - 1)) : 0] as Uint8Array;
        if (column.byteLength === 0) continue;
        // In the first records more often than elsewhere: their headers have most of what can be wrong.
        new Uint8Array(column.buffer, column.byteOffset, column.byteLength)[at % Math.min(column.byteLength, 4096)] ^=
          random[3 * i + 2];
        const { merge } = await newMerge(options);
        try {
          merge.add(changed);
        } catch (error) {
          assert.equal((error as { code: string }).code, 'BAD_PIECE', String((error as Error).stack));
          refused++;
        }
      }
      assert.ok(refused > 0);
    }
  });
});
