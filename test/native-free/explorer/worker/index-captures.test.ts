import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { PacketMark } from '../../../../native-free/explorer/index/index.js';
import { IndexWork } from '../../../../native-free/explorer/worker/messages.js';
import { hkdfSha256, nodeBackend } from '../../../../src/aead/index.js';
import { batchesOf, MemoryReader, openCapture } from '../../../../src/capture/portable.js';
import { Verdict } from '../../../../src/dataplane/index.js';
import { KeyTimeline, Survey } from '../../../../src/inspect/index.js';
import { parseKeys } from '../../../../src/overlay/files.js';
import { CaptureKeys } from '../../../../src/overlay/internal.js';
import { fixture } from '../../../repository.js';
import { indexed, type Indexed } from '../indexed.js';

function file(path: string): readonly [string, Uint8Array] {
  return [path, readFileSync(fixture(path))];
}

function text(path: string): { name: string; text: string } {
  return { name: path, text: readFileSync(fixture(path), 'utf8') };
}

function columnOf({ index }: Indexed, name: 'verdict' | 'marks' | 'sequence'): number[] {
  return index.parts.flatMap((part) => [...part[name].subarray(0, part.count)]);
}

const ENCRYPTED = [
  ['docker/07-encrypted.esp.pcap', 'docker/swarm-keys.txt'],
  ['docker/07-encrypted.underlay.pcap', 'docker/07-encrypted.xfrm.txt'],
  ['esp/05-esp-aes256-icv128-esn.underlay.pcap', 'esp/05-esp-aes256-icv128-esn.xfrm.txt'],
  ['esp/04-esp-wrong-key.underlay.pcap', 'esp/04-esp-wrong-key.xfrm.txt'],
  ['esp/09-esp-frag-1500.underlay.pcap', 'esp/09-esp-frag-1500.xfrm.txt'],
] as const;

describe('indexCaptures', () => {
  test('posts the first packets at once, then the rest, then reports', async () => {
    const { kinds, index } = await indexed([file('docker/03-vip-http.underlay.pcap')]);
    assert.deepEqual(
      kinds.filter((kind) => kind !== 'examined'),
      ['packets', 'packets', 'indexed', 'done'],
    );
    assert.equal(index.packets, 417);
  });

  test('does half of the work if it is asked to', async () => {
    const files = [file('docker/03-vip-http.underlay.pcap')];
    const alone = await indexed(files, { work: IndexWork.Index });
    assert.deepEqual(alone.kinds, ['packets', 'packets', 'indexed']);
    const reports = await indexed(files, { work: IndexWork.Reports });
    assert.deepEqual(reports.kinds.at(-1), 'reported');
    assert.equal(reports.index.packets, 0);
    const all = await indexed(files);
    assert.deepEqual(reports.reports, all.reports);
    assert.deepEqual(alone.index, all.index);
  });

  for (const [capture, keys] of ENCRYPTED) {
    test(`decrypts as the command line does: ${capture}`, async () => {
      const texts = [text(keys)];
      const all = await indexed([file(capture)], { texts, decrypt: true });
      for (const { message } of all.problems) assert.match(message, /different key/);
      const given = parseKeys(texts[0].text);
      const opened = (): ReturnType<CaptureKeys['open']> => {
        const own = new CaptureKeys();
        own.add(given);
        return own.open(nodeBackend.create(), hkdfSha256);
      };
      const survey = new Survey({ ...opened(), flows: true });
      const forTimeline = opened();
      const timeline = new KeyTimeline(forTimeline);
      const source = await openCapture(new MemoryReader(readFileSync(fixture(capture)), capture));
      for await (const batch of batchesOf(source)) {
        survey.addBatch(batch);
        timeline.addBatch(batch);
      }
      const expected = survey.report(source);
      const found = all.reports?.survey;
      // The keys of a swarm are those of its gossip, too.
      assert.deepEqual({ ...found, cipher: null, gossip: null }, expected);
      assert.equal(found?.cipher?.name, 'webcrypto');
      assert.deepEqual(all.reports?.timeline.directions.length, timeline.report().directions.length);
      assert.equal(columnOf(all, 'verdict').filter((verdict) => verdict === Verdict.Frame).length, expected.frames);
      assert.equal(
        columnOf(all, 'marks').filter((marks) => (marks & PacketMark.Opened) !== 0).length,
        expected.esp.reduce((sum, row) => sum + row.opened, 0),
      );
      const alone = await indexed([file(capture)], { texts, decrypt: true, work: IndexWork.Index });
      assert.deepEqual(alone.index, all.index);
    });
  }

  test('decrypts no ESP unless it is asked to, whatever keys there are', async () => {
    const texts = [text('docker/swarm-keys.txt')];
    const closed = await indexed([file('docker/07-encrypted.esp.pcap')], { texts });
    assert.ok(columnOf(closed, 'verdict').every((verdict) => verdict === Verdict.Esp));
    assert.equal(closed.reports?.survey.cipher, null);
  });

  test('says which keys it can’t use, without the keys, and indexes the captures', async () => {
    const key = '0x8f3b6c1d2e4a5f60718293a4b5c6d7e8f9012345';
    const bad = `src 10.0.0.1 dst 10.0.0.2\n\tproto esp spi 0x1001 reqid 1 mode transport\n\taead rfc4106(gcm(aes)) ${key} 65\n`;
    const texts = [{ name: 'keys', text: bad }, text('docker/swarm-keys.txt')];
    const found = await indexed([file('docker/07-encrypted.esp.pcap')], { texts, decrypt: true });
    assert.deepEqual(
      found.problems.map(({ name, fatal }) => [name, fatal]),
      [['keys', false]],
    );
    assert.ok(!JSON.stringify(found.problems).includes(key.slice(2, 20)));
    assert.ok(columnOf(found, 'verdict').every((verdict) => verdict === Verdict.Frame));
  });

  test('tells two texts of one name apart', async () => {
    const texts = ['pasted', 'pasted'].map((name, i) => ({
      name,
      text: readFileSync(fixture(['docker/node1.fdb.txt', 'docker/swarm-keys.txt'][i]), 'utf8'),
    }));
    const found = await indexed([file('docker/07-encrypted.esp.pcap')], { texts, decrypt: true });
    assert.deepEqual(found.problems, []);
    assert.ok(columnOf(found, 'verdict').every((verdict) => verdict === Verdict.Frame));
  });

  test('says which files are no captures, and indexes the others', async () => {
    const capture = file('vxlan/01-icmp.underlay.pcap');
    const others = [
      ['empty', new Uint8Array(0)],
      ['text', Buffer.from('a text\n')],
      ['snoop', Buffer.concat([Buffer.from('snoop\0\0\0'), new Uint8Array(40)])],
      ['cut.gz', Buffer.from([0x1f, 0x8b, 8])],
    ] as const;
    const found = await indexed([...others.slice(0, 2), capture, ...others.slice(2)]);
    assert.deepEqual(
      found.problems.map(({ name, fatal }) => [name, fatal]),
      others.map(([name]) => [name, false]),
    );
    assert.deepEqual(
      found.index.tables.files.map(({ name }) => name),
      [capture[0]],
    );
    const none = await indexed(others);
    assert.equal(none.reports, undefined);
    assert.deepEqual(none.problems.at(-1)?.fatal, true);
  });

  test('indexes what comes before damage, and says what it is', async () => {
    const [name, bytes] = file('vxlan/03-http-200k.underlay.pcap');
    const whole = await indexed([[name, bytes]]);
    const cut = await indexed([[name, bytes.subarray(0, bytes.length - 10)]]);
    assert.equal(cut.index.packets, whole.index.packets - 1);
    assert.match(cut.index.tables.files[0].damage ?? '', /truncated/);
    assert.equal(whole.index.tables.files[0].damage, undefined);
  });

  test('indexes a compressed capture as the one in it', async () => {
    const [name, bytes] = file('docker/03-vip-http.underlay.pcap');
    const packed = await indexed([[name, gzipSync(bytes)]]);
    assert.deepEqual(packed.index, (await indexed([[name, bytes]])).index);
  });

  test('reports on all captures together', async () => {
    const names = ['vxlan/01-icmp.underlay.pcap', 'docker/03-vip-http.underlay.pcap'];
    const { reports, index } = await indexed(names.map(file), { texts: [text('docker/node1.fdb.txt')] });
    assert.deepEqual(reports?.survey.files, names);
    assert.equal(reports.survey.packets, index.packets);
    assert.deepEqual(
      reports.doctor.inputs.map(({ file: input }) => input),
      ['docker/node1.fdb.txt', ...names],
    );
  });

  test('survives captures that are damaged anywhere', async () => {
    const files = [
      'vxlan/10-formats.dumpcap.pcapng',
      'esp/09-esp-frag-1500.underlay.pcap',
      'vxlan/11-any-sll2.pcap',
    ].map((path) => file(path)[1]);
    let packets = 0;
    for (let seed = 1; seed <= 60; seed++) {
      const bytes = Uint8Array.from(files[seed % files.length]);
      for (let n = 0, state = seed; n < 40; n++) {
        state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
        bytes[24 + (state % (bytes.length - 24))] = state >>> 24;
      }
      const found = await indexed([[String(seed), bytes]], {
        texts: [text('esp/09-esp-frag-1500.xfrm.txt')],
        decrypt: seed % 2 === 0,
      });
      packets += found.index.packets;
      assert.equal(found.reports?.survey.packets ?? 0, found.index.packets);
    }
    assert.ok(packets > 1000);
  });
});
