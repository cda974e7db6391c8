/** `--keys` and `--aead`: decrypt recorded ESP to the frames that crossed, and print no key. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { forgeBackend } from '../../../native-free/index.js';
import { AEAD_BACKENDS, chooseAead } from '../../../src/aead/index.js';
import { openCaptureFile, PcapWriter } from '../../../src/capture/index.js';
import { formatEspSa, parseXfrmState } from '../../../src/ipsec/index.js';
import type { EspReport, SurveyReport } from '../../../src/inspect/index.js';
import { EtherType } from '../../../src/wire/index.js';
import { ethernet, udpIp, vxlan } from '../../dataplane/build.js';
import { fixture, missing } from '../../repository.js';
import { assertCrossed, countOf, framesOf } from '../frames.js';
import { type Outcome, scratch, vtep, vtepProcess } from '../run.js';

const folder = scratch();

function file(name: string, bytes: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

function withKeys(paths: readonly string[]): string[] {
  return paths.flatMap((path) => ['--keys', path]);
}

const ROTATION = readdirSync(fixture('esp'))
  .filter((name) => /^08-.*\.xfrm\.txt$/.test(name))
  .sort()
  .map((name) => fixture(`esp/${name}`));

/** Recordings, with the number of frames of VNI 4097 and of their packets. */
const RECORDINGS: readonly (readonly [name: string, frames: number, packets: number, keys?: readonly string[]])[] = [
  ['01-esp-docker-aes128-icv64', 151, 151],
  ['03-esp-padding', 82, 82],
  ['05-esp-aes256-icv128-esn', 64, 64],
  ['08-esp-key-rotation', 1137, 1137, ROTATION],
  ['09-esp-frag-1500', 20, 30],
  ['12-esp-tunnel', 19, 19],
  ['13-esp-natt', 8, 8],
  ['14-esp-ipv6', 14, 14],
];

function keysOf(name: string, keys?: readonly string[]): readonly string[] {
  return keys ?? [fixture(`esp/${name}.xfrm.txt`)];
}

function underlay(name: string): string {
  return fixture(`${name}.underlay.pcap`);
}

/** Asserts that these are exactly the frames that both containers saw, and none that neither saw. */
async function isWhatCrossed(out: string, name: string, frames: number): Promise<void> {
  const list = await framesOf(out);
  assertCrossed(list, await framesOf(fixture(`${name}.c1.pcap`)), await framesOf(fixture(`${name}.c2.pcap`)));
  assert.equal(list.length, frames);
}

describe('decap --keys gives exactly the frames that crossed', () => {
  for (const [name, frames, packets, keys] of RECORDINGS) {
    test(`esp/${name}, ${frames} frames`, async () => {
      const out = join(folder, `${name}.pcap`);
      const call = await vtep([
        'decap',
        underlay(`esp/${name}`),
        ...withKeys(keysOf(name, keys)),
        '-o',
        out,
        '--strict',
      ]);
      assert.equal(call.status, 0, call.stderr);
      await isWhatCrossed(out, `esp/${name}`, frames);
      assert.match(call.stderr, new RegExp(` ${packets.toLocaleString('en')} ESP packets decrypted by [a-z-]+\n`));
      assert.doesNotMatch(call.stderr, /different key|skipped|dropped [1-9]\d* [A-Z]/);
    });
  }

  test('without --keys, gives no frames and counts the ESP packets', async () => {
    const out = join(folder, 'without.pcap');
    const call = await vtep(['decap', underlay('esp/01-esp-docker-aes128-icv64'), '-o', out, '--json']);
    assert.equal((await framesOf(out)).length, 0);
    const report = JSON.parse(call.stdout);
    assert.deepEqual([report.accounting.esp, report.opened, report.cipher], [151, 0, null]);
  });

  test('a dump from before a rotation decrypts what was sent before it', async () => {
    const out = join(folder, 'before.pcap');
    const call = await vtep(['decap', underlay('esp/08-esp-key-rotation'), '--keys', ROTATION[0], '-o', out, '--json']);
    const report = JSON.parse(call.stdout);
    assert.deepEqual([report.frames, report.accounting.dropped], [751, { XfrmInNoStates: 386 }]);
    assert.equal((await framesOf(out)).length, 751);
    const strict = await vtep([
      'decap',
      underlay('esp/08-esp-key-rotation'),
      '--keys',
      ROTATION[0],
      '-o',
      out,
      '--strict',
    ]);
    assert.equal(strict.status, 1);
  });

  for (const [name, frames, , keys] of RECORDINGS) {
    test(`esp/${name} with the same keys as Wireshark's esp_sa, which lacks mode and encapsulation`, async () => {
      const sas = keysOf(name, keys).flatMap((path) => parseXfrmState(readFileSync(path, 'utf8')).associations);
      const once = new Map(sas.map((sa) => [sa.spi, sa]));
      const esn = sas.some((sa) => sa.esn) ? ',"64-bit","0x00000000"' : '';
      const path = file(`${name}.esp_sa`, formatEspSa(once.values()).replaceAll('\n', `${esn}\n`));
      const out = join(folder, `${name}.by-esp_sa.pcap`);
      const call = await vtep(['decap', underlay(`esp/${name}`), '--keys', path, '-o', out, '--strict']);
      assert.equal(call.status, 0, call.stderr);
      assert.equal((await framesOf(out)).length, frames);
      assert.deepEqual(readFileSync(out), readFileSync(join(folder, `${name}.pcap`)));
    });
  }
});

describe('04-esp-wrong-key', () => {
  const dump = readFileSync(fixture('esp/04-esp-wrong-key.xfrm.txt'), 'utf8');
  const capture = underlay('esp/04-esp-wrong-key');

  test('with the receiver’s keys, gives no frame and three wrong ICVs, as the receiver counted', async () => {
    const lines = dump.split('\n');
    const from = lines.findIndex((line) => line.startsWith('## capn2'));
    const keys = file(
      'capn2.xfrm.txt',
      lines
        .slice(
          from,
          lines.findIndex((line) => line.startsWith('## capn1 iptables')),
        )
        .join('\n'),
    );
    assert.match(readFileSync(keys, 'utf8'), /replay-window 0 replay 0 failed 3/);
    const out = join(folder, 'wrong.pcap');
    const call = await vtep(['decap', capture, '--keys', keys, '-o', out, '--json']);
    assert.equal(call.status, 0, call.stderr);
    const report = JSON.parse(call.stdout);
    assert.deepEqual(
      [report.frames, report.opened, report.accounting.dropped],
      [0, 0, { XfrmInStateProtoError_Icv: 3 }],
    );
    assert.deepEqual(
      report.esp.map((row: EspReport) => row.failed),
      [{ XfrmInStateProtoError_Icv: 3 }],
    );
    assert.equal((await framesOf(out)).length, 0);
    assert.match(
      (await vtep(['decap', capture, '--keys', keys, '-o', out])).stderr,
      /dropped 3 XfrmInStateProtoError_Icv: ESP with a wrong ICV/,
    );
    assert.equal((await vtep(['decap', capture, '--keys', keys, '-o', out, '--strict'])).status, 1);
  });

  test('with the whole dump, reports the conflicting key and uses the sender’s, which is the first', async () => {
    const out = join(folder, 'both.pcap');
    const call = await vtep(['decap', capture, '--keys', fixture('esp/04-esp-wrong-key.xfrm.txt'), '-o', out]);
    assert.match(
      call.stderr,
      /line 59: SPI 0x3d1f9a01 to 192\.168\.50\.2 has a different key than line 8, which is used\n/,
    );
    assert.equal((await framesOf(out)).length, 3);
  });

  test('of two files with different keys for one SPI, uses the first and reports it', async () => {
    const at = dump.indexOf('## capn2');
    const sender = file('sender.xfrm.txt', dump.slice(0, at));
    const receiver = file('receiver.xfrm.txt', dump.slice(at));
    const out = join(folder, 'two.pcap');
    const first = await vtep(['decap', capture, ...withKeys([sender, receiver]), '-o', out]);
    assert.match(
      first.stderr,
      /receiver\.xfrm\.txt: SPI 0x3d1f9a01 to 192\.168\.50\.2 has a different key in an earlier file/,
    );
    assert.equal((await framesOf(out)).length, 3);
    const other = await vtep(['decap', capture, ...withKeys([receiver, sender]), '-o', out]);
    assert.match(other.stderr, /sender\.xfrm\.txt: SPI 0x3d1f9a01 /);
    assert.equal((await framesOf(out)).length, 0);
    const same = await vtep(['decap', capture, ...withKeys([sender, sender]), '-o', out]);
    assert.doesNotMatch(same.stderr, /another key/);
  });
});

describe('docker/07-encrypted, a real swarm’s network', () => {
  const capture = underlay('docker/07-encrypted');
  for (const kind of ['07-encrypted.xfrm.txt', 'swarm-keys.txt']) {
    test(`with ${kind}: 126 frames of VNI 4099, each as the container on node 2 saw it`, async () => {
      const out = join(folder, `docker.${kind}.pcapng`);
      const call = await vtep(['decap', capture, '--keys', fixture(`docker/${kind}`), '-o', out, '--strict']);
      assert.equal(call.status, 0, call.stderr);
      const frames = await framesOf(out);
      assert.equal(frames.length, 126);
      assert.ok(frames.every(({ interfaceName }) => interfaceName === 'vni 4099'));
      const seen = countOf(await framesOf(fixture('docker/07-encrypted.web2.pcap')));
      for (const [hex, count] of countOf(frames)) {
        assert.ok((seen.get(hex) ?? 0) >= count, `the container did not see: ${hex}`);
      }
    });
  }

  test('both give the same file, as do the keys as a ring in YAML and in JSON', () => {
    const swarm = readFileSync(fixture('docker/swarm-keys.txt'), 'utf8');
    const keys = [...swarm.matchAll(/ipsec lamport (\d+) key (\S+)/g)].map(([, tag, key]) => ({
      tag: Number(tag),
      key,
    }));
    assert.equal(keys.length, 3);
    const rows = keys.map(({ tag, key }) => `  - { tag: ${tag}, key: "${key}" }\n`).join('');
    const outputs = [
      fixture('docker/07-encrypted.xfrm.txt'),
      fixture('docker/swarm-keys.txt'),
      file('ring.yaml', `profile: swarm\nkeys:\n${rows}`),
      file('ring.json', JSON.stringify(keys)),
    ].map((path) => {
      const call = vtepProcess(['decap', capture, '--keys', path, '-o', '-']);
      assert.equal(call.status, 0, call.stderr);
      return call.stdoutBytes;
    });
    assert.ok(outputs[0].length > 80_000);
    for (const output of outputs.slice(1)) assert.deepEqual(output, outputs[0]);
  });

  test('a ring with the strict profile decrypts nothing of a swarm', async () => {
    const swarm = readFileSync(fixture('docker/swarm-keys.txt'), 'utf8');
    const [, tag, key] = /ipsec lamport (29944) key (\S+)/.exec(swarm) ?? [];
    const path = file('strict.yaml', `profile: strict\nkeys: [{ tag: ${tag}, key: "${key}" }]\n`);
    const report = JSON.parse(
      (await vtep(['decap', capture, '--keys', path, '-o', join(folder, 'strict.pcap'), '--json'])).stdout,
    );
    assert.deepEqual([report.frames, report.accounting.dropped], [0, { XfrmInStateProtoError_Icv: 126 }]);
  });

  test('refuses two rings, but accepts a ring and a dump', async () => {
    const ring = fixture('docker/swarm-keys.txt');
    const call = await vtep(['inspect', capture, ...withKeys([ring, ring])]);
    assert.equal(call.status, 2);
    assert.match(call.stderr, /^vtep: .*only one key ring is allowed; put all keys into one file\n$/);
    const both = await vtep([
      'inspect',
      capture,
      ...withKeys([ring, fixture('docker/07-encrypted.xfrm.txt')]),
      '--json',
      '--strict',
    ]);
    assert.equal(both.status, 0, both.stderr);
    assert.equal((JSON.parse(both.stdout) as SurveyReport).frames, 126);
  });

  test('tshark finds the same frames with the same keys as esp_sa lines', { skip: missing('tshark') }, async () => {
    const sas = parseXfrmState(readFileSync(fixture('docker/07-encrypted.xfrm.txt'), 'utf8')).associations;
    const lines = formatEspSa(sas).trimEnd().split('\n');
    const call = spawnSync(
      'tshark',
      [
        ...['-r', capture, '-Y', 'esp && vxlan', '-o', 'esp.enable_encryption_decode:TRUE'],
        ...lines.flatMap((line) => ['-o', `uat:esp_sa:${line}`]),
        ...['-T', 'fields', '-E', 'occurrence=f', '-e', 'vxlan.vni', '-e', 'udp.payload'],
      ],
      { maxBuffer: 1 << 28 },
    );
    const found = call.stdout.toString().trimEnd().split('\n');
    const out = join(folder, 'like-tshark.pcap');
    await vtep(['decap', capture, '--keys', fixture('docker/swarm-keys.txt'), '-o', out]);
    assert.deepEqual(
      found.map((line) => line.replace(/^4099\t.{16}/, '')),
      (await framesOf(out)).map(({ hex }) => hex),
    );
  });
});

/** Why a cipher's tests are skipped; none are in CI. */
function unavailable(name: string): string | false {
  if (process.env['CI'] === 'true') return false;
  try {
    chooseAead(name, [...AEAD_BACKENDS, forgeBackend]);
    return false;
  } catch (error) {
    return (error as Error).message;
  }
}

describe('each cipher gives the same file', () => {
  const CAPTURES = ['docker/07-encrypted', 'esp/05-esp-aes256-icv128-esn', 'esp/09-esp-frag-1500'];
  /** Output of the first cipher, node's, which is always available. */
  const outputs = new Map<string, Buffer>();
  for (const name of ['node', 'openssl', 'ipsec-mb', 'forge']) {
    test(`--aead ${name}`, { skip: unavailable(name) }, async () => {
      for (const capture of CAPTURES) {
        const out = join(folder, 'by-cipher.pcap');
        const words = ['decap', underlay(capture), '--keys', fixture(`${capture}.xfrm.txt`), '-o', out];
        const call = await vtep([...words, '--aead', name]);
        assert.equal(call.status, 0, call.stderr);
        assert.match(call.stderr, new RegExp(`ESP packets decrypted by ${name}\n`));
        const output = readFileSync(out);
        assert.ok(output.length > 5000);
        const first = outputs.get(capture);
        if (first === undefined) outputs.set(capture, output);
        else assert.deepEqual(output, first);
      }
    });
  }

  test('refuses an unknown cipher, and lists the known ones', async () => {
    const call = await vtep([
      'inspect',
      underlay(CAPTURES[0]),
      '--keys',
      fixture(`${CAPTURES[0]}.xfrm.txt`),
      '--aead',
      'nonsense',
    ]);
    assert.equal(call.status, 2);
    assert.match(call.stderr, /^vtep: --aead takes ipsec-mb, openssl, node or forge, not "nonsense"\n$/);
  });

  test('inspect --json names the cipher in use', async () => {
    const call = await vtep([
      'inspect',
      underlay(CAPTURES[0]),
      '--keys',
      fixture(`${CAPTURES[0]}.xfrm.txt`),
      '--aead',
      'node',
      '--json',
    ]);
    assert.deepEqual((JSON.parse(call.stdout) as SurveyReport).cipher, { name: 'node', skipped: [] });
  });
});

describe('inspect --keys', () => {
  async function inspect(capture: string, keys: readonly string[]): Promise<SurveyReport> {
    const call = await vtep(['inspect', capture, ...withKeys(keys), '--json']);
    assert.equal(call.status, 0, call.stderr);
    return JSON.parse(call.stdout) as SurveyReport;
  }

  test('shows the sequence numbers of each SPI of a rotation without gaps, and decap agrees', async () => {
    const report = await inspect(underlay('esp/08-esp-key-rotation'), ROTATION);
    const facts = (rows: readonly EspReport[]): unknown[] =>
      rows.map((row) => [
        row.spi,
        row.source,
        row.destination,
        row.packets,
        row.firstSequence,
        row.lastSequence,
        row.opened,
      ]);
    assert.deepEqual(facts(report.esp), [
      ['0x3d1f9a01', '192.168.50.1', '192.168.50.2', 528, 1, 528, 528],
      ['0xb2c4e702', '192.168.50.2', '192.168.50.1', 223, 1, 223, 223],
      ['0x11aa22b3', '192.168.50.1', '192.168.50.2', 354, 1, 354, 354],
      ['0xf0e1d2c4', '192.168.50.2', '192.168.50.1', 32, 1, 32, 32],
    ]);
    for (const row of report.esp) {
      const { failed, missingSequences, repeatedSequences, nonceReused, duplicates, key } = row;
      assert.deepEqual(
        [failed, missingSequences, repeatedSequences, nonceReused, duplicates, key],
        [{}, 0, 0, 0, 0, null],
      );
    }
    assert.deepEqual(report.problems, []);
    const words = [
      'decap',
      underlay('esp/08-esp-key-rotation'),
      ...withKeys(ROTATION),
      '-o',
      join(folder, 'esp.pcap'),
      '--json',
    ];
    assert.deepEqual(JSON.parse((await vtep(words)).stdout).esp, report.esp);
  });

  test('with a key ring, shows the tag and the form of each SPI', async () => {
    const report = await inspect(underlay('docker/07-encrypted'), [fixture('docker/swarm-keys.txt')]);
    assert.deepEqual(
      report.esp.map(({ spi, packets, opened, key }) => [spi, packets, opened, key]),
      [
        ['0xc207fc1c', 44, 44, { tag: 29_944, spiForm: 'mapped' }],
        ['0x98a1ca54', 82, 82, { tag: 29_944, spiForm: 'mapped' }],
      ],
    );
    assert.deepEqual([report.frames, report.accounting.inFrames, report.accounting.esp], [126, 126, 0]);
    assert.deepEqual(
      report.networks.map(({ vni, frames, encrypted }) => [vni, frames, encrypted]),
      [[4099, 126, 126]],
    );
  });

  test('the table shows what was decrypted, and with which key', async () => {
    const call = await vtep(['inspect', underlay('docker/07-encrypted'), '--keys', fixture('docker/swarm-keys.txt')]);
    assert.match(call.stdout, /ESP, decrypted by [a-z-]+\n/);
    assert.match(call.stdout, /0xc207fc1c +192\.168\.50\.1 +192\.168\.50\.2 +44 .* 44 +0 +29944\n/);
  });

  test('--packets shows the decrypted content', async () => {
    const call = await vtep([
      'inspect',
      underlay('docker/07-encrypted'),
      '--keys',
      fixture('docker/swarm-keys.txt'),
      '--packets',
    ]);
    assert.equal(call.stdout.split('\n').filter((line) => line.includes('4099')).length, 126);
  });

  describe('clear VXLAN of an encrypted VNI', () => {
    /** The recorded capture with some of its inner frames repeated in clear VXLAN. */
    async function merged(vni: number, count: number): Promise<string> {
      const inner = join(folder, 'inner.pcap');
      const keys = fixture('docker/swarm-keys.txt');
      if (!existsSync(inner)) await vtep(['decap', underlay('docker/07-encrypted'), '--keys', keys, '-o', inner]);
      const chunks: Uint8Array[] = [];
      const writer = new PcapWriter((bytes) => void chunks.push(Uint8Array.from(bytes)));
      const source = await openCaptureFile(underlay('docker/07-encrypted'));
      let seconds = 0;
      for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
        for (let i = 0; i < batch.count; i++) {
          seconds = batch.seconds[i];
          const length = batch.capturedLength[i];
          writer.write(batch.bytes, batch.offset[i], length, length, seconds, batch.nanoseconds[i]);
        }
      }
      await source.close();
      for (const { hex } of (await framesOf(inner)).slice(0, count)) {
        const clear = vxlan(vni, Buffer.from(hex, 'hex'));
        const packet = ethernet(udpIp(4, 4789, clear, 'right', '192.168.50.2', '192.168.50.1'), EtherType.Ipv4);
        writer.write(packet, 0, packet.length, packet.length, seconds + 1, 0);
      }
      writer.flush();
      return file(`merged-${vni}-${count}.pcap`, Buffer.concat(chunks));
    }

    test('is reported with the number of frames, and --strict exits 1', async () => {
      const capture = await merged(4099, 5);
      const keys = [fixture('docker/swarm-keys.txt')];
      const report = await inspect(capture, keys);
      assert.deepEqual(
        report.networks.map(({ vni, frames, encrypted }) => [vni, frames, encrypted]),
        [[4099, 131, 126]],
      );
      const problem = report.problems.find(({ code }) => code === 'CLEAR_VXLAN');
      assert.deepEqual([problem?.severity, problem?.count], ['warning', 5]);
      assert.match(
        (await vtep(['inspect', capture, ...withKeys(keys)])).stdout,
        /warning +5 +CLEAR_VXLAN +clear frames of a VNI that is otherwise encrypted/,
      );
      assert.equal((await vtep(['inspect', capture, ...withKeys(keys), '--strict'])).status, 1);
    });

    test('is not reported for another VNI, nor without keys', async () => {
      const codes = (report: SurveyReport): string[] => report.problems.map(({ code }) => code);
      const other = await merged(4098, 5);
      assert.ok(!codes(await inspect(other, [fixture('docker/swarm-keys.txt')])).includes('CLEAR_VXLAN'));
      assert.ok(!codes(await inspect(await merged(4099, 5), [])).includes('CLEAR_VXLAN'));
    });
  });
});

/** Every run of digits that is a key, in the texts of key files. */
function secrets(text: string): string[] {
  const found = [...text.matchAll(/(?:aead \S+ 0x|key |key: "?|,"0x)([0-9a-f]{32,72})/gi)].map(([, key]) =>
    key.slice(0, 32),
  );
  assert.ok(found.length > 0);
  return [...new Set(found)];
}

function showsNone(call: Outcome, keys: readonly string[]): void {
  for (const text of [call.stdout, call.stderr]) {
    const digits = text.toLowerCase();
    for (const key of keys) {
      // Half a key must not appear either.
      assert.ok(!digits.includes(key.slice(0, 16).toLowerCase()), `a key is shown: ${text.slice(0, 300)}`);
      assert.ok(!digits.includes(key.slice(16).toLowerCase()), `a key is shown: ${text.slice(0, 300)}`);
    }
  }
}

describe('prints no key', () => {
  const FILES: [what: string, capture: string, keys: string][] = [
    ['a dump', 'docker/07-encrypted', fixture('docker/07-encrypted.xfrm.txt')],
    ['a dump with two keys for one SPI', 'esp/04-esp-wrong-key', fixture('esp/04-esp-wrong-key.xfrm.txt')],
    ['Swarm’s lines', 'docker/07-encrypted', fixture('docker/swarm-keys.txt')],
    ['AES-256', 'esp/05-esp-aes256-icv128-esn', fixture('esp/05-esp-aes256-icv128-esn.xfrm.txt')],
    [
      'esp_sa with a line twice',
      'docker/07-encrypted',
      file(
        'twice.esp_sa',
        formatEspSa(parseXfrmState(readFileSync(fixture('docker/07-encrypted.xfrm.txt'), 'utf8')).associations).repeat(
          2,
        ),
      ),
    ],
  ];
  for (const [what, name, keys] of FILES) {
    test(`of ${what}: tables, --packets, --json, decap and its --json`, async () => {
      const hidden = secrets(readFileSync(keys, 'utf8'));
      const capture = underlay(name);
      const out = join(folder, 'hidden.pcap');
      for (const words of [
        ['inspect', capture],
        ['inspect', capture, '--packets'],
        ['inspect', capture, '--json'],
        ['decap', capture, '-o', out],
        ['decap', capture, '-o', out, '--json'],
        ['inspect', capture, '--aead', 'nonsense'],
        ['inspect', join(folder, 'nowhere.pcap')],
      ]) {
        const call = await vtep([...words, '--keys', keys]);
        assert.ok(call.stdout.length + call.stderr.length > 20);
        showsNone(call, hidden);
      }
    });
  }
});

describe('refuses unusable key files with exit 2 and one line:', () => {
  const KEY = '4c6f72656d20697073756d20646f6c6f';
  const capture = underlay('esp/01-esp-docker-aes128-icv64');
  const sa = (cipher: string): string =>
    `src 192.168.50.1 dst 192.168.50.2\n\tproto esp spi 0x3d1f9a01 reqid 1 mode transport\n\treplay-window 0 \n\t${cipher}\n`;
  mkdirSync(join(folder, 'directory'));
  const CASES: [what: string, content: string | undefined, message: RegExp][] = [
    ['missing', undefined, /missing: no such file/],
    ['directory', undefined, /directory: /],
    ['empty', '', /empty: not output of ip xfrm state, an esp_sa file or a key ring/],
    ['text', 'hello, world\n', /not output of ip xfrm state/],
    ['starred', '*hello*\n', /not output of ip xfrm state/],
    ['binary', '\u0000\u0001\u0002\u0080{', /not output of ip xfrm state/],
    ['README.md', readFileSync(fixture('README.md'), 'utf8'), /not output of ip xfrm state/],
    [
      'no SA',
      readFileSync(fixture('esp/16-vxlan-frag-reorder-dup-loss.xfrm.txt'), 'utf8'),
      /not output of ip xfrm state/,
    ],
    ['long.xfrm', sa(`aead rfc4106(gcm(aes)) 0x${KEY}3d1f9a0100 64`), /no usable key: line 1: .* not 21/],
    ['short.xfrm', sa(`aead rfc4106(gcm(aes)) 0x${KEY}3d1f9a 64`), /no usable key: line 1: .* not 19/],
    ['odd.xfrm', sa(`aead rfc4106(gcm(aes)) 0x${KEY}3d1f9a0 64`), /odd number of digits/],
    [
      'hidden.xfrm',
      sa('aead rfc4106(gcm(aes)) <<Keys hidden>> 64'),
      /has no key \(ip xfrm state shows keys only to root/,
    ],
    [
      'cbc.xfrm',
      sa(`enc cbc(aes) 0x${KEY}\n\tauth-trunc hmac(sha256) 0x${KEY}${KEY} 128`),
      /uses "cbc\(aes\)"; only rfc4106/,
    ],
    ['unnamed.xfrm', sa(`aead 0x${KEY}3d1f9a01 64`), /no usable key: line 1: /],
    ['two.xfrm', sa('').repeat(2).replace('50.2', '50.3'), /has no key .* \(and 1 more like it\)/],
    [
      'wild.esp_sa',
      `"IPv4","*","*","*","AES-GCM with 8 octet ICV [RFC4106]","0x${KEY}3d1f9a01","NULL",""\n`,
      /wildcards/,
    ],
    ['cbc.esp_sa', `"IPv4","10.0.0.1","10.0.0.2","0x1","AES-CBC [RFC3602]","0x${KEY}","NULL",""\n`, /uses "AES-CBC/],
    ['long.yaml', `- { tag: 4, key: "${KEY}00" }\n`, /the key with tag 4 has 17 bytes/],
    [
      'bare.yaml',
      '- { tag: 4, key: 12345678901234567890123456789012 }\n',
      /its key isn't a string of hexadecimal digit pairs/,
    ],
    ['cut.yaml', `keys:\n  - { tag: 4, key: "${KEY}\n`, /cut\.yaml:\d+:\d+: not valid YAML/],
    ['alias.yaml', `spare: &k "${KEY}"\nkeys:\n  - { tag: 4, key: *k }\n`, /aliases, which are not supported/],
    ['profile.yaml', `profile: lax\nkeys: [{ tag: 4, key: "${KEY}" }]\n`, /its profile is neither swarm nor strict/],
    ['gossip.txt', `networking:gossip lamport 4 key ${KEY}\n`, /no key of networking:ipsec/],
    ['twice.txt', `networking:ipsec lamport 4 key ${KEY}\n`.repeat(2), /two keys have the tag 4/],
  ];

  function isRefused(call: Outcome, path: string, message: RegExp): void {
    assert.equal(call.status, 2, call.stderr);
    assert.equal(call.stdout, '');
    assert.match(call.stderr, /^vtep: [^\n]+\n$/);
    assert.match(call.stderr, message);
    assert.ok(call.stderr.includes(path), call.stderr);
    assert.doesNotMatch(call.stderr, /undefined|internal error/);
    showsNone(call, [KEY, '12345678901234567890123456789012']);
  }

  for (const [what, content, message] of CASES) {
    test(what, async () => {
      const path = join(folder, what);
      if (content !== undefined) writeFileSync(path, content);
      const out = join(folder, 'never.pcap');
      const good = fixture('esp/01-esp-docker-aes128-icv64.xfrm.txt');
      isRefused(await vtep(['decap', capture, '-o', out, ...withKeys([good, path])]), path, message);
      assert.equal(existsSync(out), false);
    });
  }

  test('inspect refuses them like decap', async () => {
    for (const [what, , message] of CASES.slice(0, 3)) {
      const path = join(folder, what);
      for (const mode of [[], ['--json']])
        isRefused(await vtep(['inspect', capture, '--keys', path, ...mode]), path, message);
    }
  });

  test('refuses a file larger than 64 MiB', async () => {
    const path = file('large.txt', new Uint8Array((1 << 26) + 1));
    const call = await vtep(['inspect', capture, '--keys', path]);
    assert.equal(call.status, 2);
    assert.match(call.stderr, /^vtep: .*large\.txt: too large for a file of keys\n$/);
  });

  test('refuses --aead without --keys, and --keys without a value', async () => {
    for (const [words, message] of [
      [['--aead', 'node'], /^vtep: --aead needs --keys\n$/],
      [['--keys'], /^vtep: [^\n]*keys[^\n]*\n$/],
      [['--keys', ''], /^vtep: [^\n]*\n$/],
    ] as const) {
      const call = await vtep(['inspect', capture, ...words]);
      assert.equal(call.status, 2);
      assert.match(call.stderr, message);
    }
  });
});
