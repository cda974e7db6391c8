/** Output and input of the commands. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { SurveyReport } from '../../src/inspect/index.js';
import { fixture, ROOT } from '../repository.js';
import { framesOf } from './frames.js';
import { scratch, vtep, vtepProcess } from './run.js';

const folder = scratch();
const ICMP = fixture('vxlan/01-icmp.underlay.pcap');

describe('vtep', () => {
  test('--help names every command, and each command has its own help', async () => {
    const help = await vtep(['--help']);
    assert.equal(help.status, 0);
    for (const name of ['inspect', 'decap']) {
      assert.match(help.stdout, new RegExp(`^ {2}${name} `, 'm'));
      const own = await vtep([name, '--help']);
      assert.equal(own.status, 0);
      assert.match(own.stdout, new RegExp(`^Usage: vtep ${name} FILE`));
    }
  });

  test("--version prints the package's version", async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    for (const word of ['--version', '-v', '-V', 'version']) {
      assert.equal((await vtep([word])).stdout, `${version}\n`, word);
    }
  });

  test('help COMMAND prints the help of the command, also of a subcommand', async () => {
    assert.equal((await vtep(['help', 'inspect'])).stdout, (await vtep(['inspect', '--help'])).stdout);
    assert.equal((await vtep(['help', 'keys', 'spi'])).stdout, (await vtep(['keys', 'spi', '--help'])).stdout);
    assert.equal((await vtep(['help'])).stdout, (await vtep(['--help'])).stdout);
    const unknown = await vtep(['help', 'nothing']);
    assert.deepEqual([unknown.status, unknown.stdout], [2, '']);
    assert.match(unknown.stderr, /unknown command "nothing"/);
  });

  for (const [words, hint] of [
    [['inspect', '-r', 'x'], /unknown option "-r": name the file without an option; see: vtep inspect --help/],
    [['inspect', '-i', 'eth0'], /vtep capture DEVICE/],
    [['inspect', '-nn', 'x'], /addresses and ports are always numeric/],
    [['inspect', '-v', 'x'], /--packets/],
    [['inspect', '-w', 'x'], /vtep decap FILE -o OUT/],
    [['inspect', '-o', 'x'], /decap, encap and capture write files/],
    [['decap', '-w', 'x'], /the output file is -o OUT/],
    [['replay', '-w', 'x'], /--write-wire OUT/],
    [['inspect', '-D'], /vtep capture --list/],
    [['inspect', '-q'], /unknown option "-q"; see: vtep inspect --help/],
  ] as const) {
    test(`${words.join(' ')} is refused with a hint`, async () => {
      const { status, stderr } = await vtep(words);
      assert.equal(status, 2);
      assert.match(stderr, hint);
      assert.equal(stderr.trimEnd().split('\n').length, 1);
    });
  }
});

describe('inspect', () => {
  test('prints networks, VTEPs, endpoints, sizes and problems as aligned tables', async () => {
    const { status, stdout, stderr } = await vtep(['inspect', ICMP]);
    assert.equal(status, 0);
    assert.equal(stderr, '');
    assert.match(stdout, /^40 packets = 38 with inner frames \+ 0 ESP \+ 2 other \+ 0 held \+ 0 dropped$/m);
    assert.match(stdout, /^Networks\n {3}VNI {2}frames {3}bytes {2}endpoints\n {2}4097 {6}38 {2}28,684 {10}2$/m);
    assert.match(stdout, /^ {2}4097 {2}02:42:0a:00:09:03 {2}10\.0\.9\.3 {2}192\.168\.50\.1 +19 /m);
    assert.match(stdout, /^Problems: none$/m);
  });

  test('--json prints one object with balanced accounting', async () => {
    const report = JSON.parse((await vtep(['inspect', ICMP, '--json'])).stdout) as SurveyReport;
    const { inFrames, esp, other, held, filtered, dropped } = report.accounting;
    const lost = Object.values(dropped).reduce((sum, count) => sum + count, 0);
    assert.equal(report.packets, inFrames + esp + other + held + filtered + lost);
    assert.deepEqual(report.networks, [
      { vni: 4097, frames: 38, bytes: 28684, truncated: 0, encrypted: 0, endpoints: 2 },
    ]);
  });

  test('shows ESP by SPI, with the first and last sequence number', async () => {
    const report = JSON.parse((await vtep(['inspect', fixture('docker/07-encrypted.underlay.pcap'), '--json'])).stdout);
    assert.deepEqual(
      report.esp.map((row: Record<string, unknown>) => [
        row['spi'],
        row['packets'],
        row['firstSequence'],
        row['lastSequence'],
      ]),
      [
        ['0xc207fc1c', 44, 1, 44],
        ['0x98a1ca54', 82, 1, 82],
      ],
    );
  });

  test('--packets prints one line per packet', async () => {
    const lines = (await vtep(['inspect', ICMP, '--packets'])).stdout.trimEnd().split('\n');
    assert.equal(lines.length, 40);
    assert.match(
      lines[2],
      /^ {4}3 {4}0\.000018 +192\.168\.50\.1 → 192\.168\.50\.2 +VXLAN {3}148 vni 4097 10\.0\.9\.3 → 10\.0\.9\.4 ICMP echo request id=0x[0-9a-f]{4} seq=1$/,
    );
  });

  test('reads standard input and gzip-compressed captures', async () => {
    const plain = (await vtep(['inspect', ICMP])).stdout.split('\n').slice(1);
    const piped = vtepProcess(['inspect', '-'], readFileSync(ICMP));
    assert.match(piped.stdout, /^standard input: pcap, EN10MB/);
    assert.deepEqual(piped.stdout.split('\n').slice(1), plain);
    assert.deepEqual(
      vtepProcess(['inspect', '-'], gzipSync(readFileSync(ICMP)))
        .stdout.split('\n')
        .slice(1),
      plain,
    );
  });

  test('reads the packets before the end of truncated gzip data, and reports it', () => {
    const packed = gzipSync(readFileSync(fixture('vxlan/03-http-200k.underlay.pcap')), { level: 1 });
    const cut = vtepProcess(['inspect', '-', '--json', '--strict'], packed.subarray(0, packed.length / 2));
    assert.equal(cut.status, 1);
    const report = JSON.parse(cut.stdout) as SurveyReport;
    assert.ok(report.packets > 50 && report.packets < 262);
    assert.equal(report.problems[0].code, 'CAPTURE_CUT_OFF');
  });

  test('--vni selects a network, --port another port', async () => {
    const both = fixture('vxlan/10-formats.usec.pcap');
    assert.equal(JSON.parse((await vtep(['inspect', both, '--json'])).stdout).networks.length, 2);
    const one = JSON.parse((await vtep(['inspect', both, '--json', '--vni', '0x1002'])).stdout);
    assert.deepEqual(
      one.networks.map((row: { vni: number }) => row.vni),
      [4098],
    );
    assert.deepEqual([one.accounting.filtered, one.accounting.dropped], [22, {}]);
    assert.deepEqual(one.filtered, [{ vni: 4097, packets: 22 }]);
    const other = JSON.parse((await vtep(['inspect', both, '--json', '--port', '8472'])).stdout);
    assert.equal(other.frames, 0);
    assert.equal(other.accounting.other, 26);
  });

  test('reports traces of offloads in a capture, not as a fault', async () => {
    const call = await vtep(['inspect', fixture('vxlan/60-offload-on-http.underlay.pcap'), '--strict']);
    assert.equal(call.status, 0);
    assert.match(call.stdout, /^ {2}inner TCP +0 +0 +27 +0$/m);
    assert.match(call.stdout, /note +37 +CHECKSUM_PARTIAL/);
    assert.match(call.stdout, /note +10 +SUPER_FRAMES/);
  });
});

describe('decap', () => {
  test('reports on standard error and prints nothing on standard output', async () => {
    const call = await vtep(['decap', ICMP, '-o', join(folder, 'a.pcap')]);
    assert.equal(call.stdout, '');
    assert.match(call.stderr, /^38 frames of VNI 4097 -> .*a\.pcap$/m);
    assert.match(call.stderr, /^40 packets = 38 with inner frames \+ 0 ESP \+ 2 other \+ 0 held \+ 0 dropped$/m);
  });

  test('writes to standard output, and reads standard input', async () => {
    const call = vtepProcess(['decap', '-', '-o', '-'], readFileSync(ICMP));
    assert.equal(call.status, 0);
    const out = join(folder, 'b.pcap');
    await vtep(['decap', ICMP, '-o', out]);
    assert.deepEqual(call.stdoutBytes, readFileSync(out));
  });

  test('--format overrides the extension', async () => {
    const out = join(folder, 'c.bin');
    await vtep(['decap', ICMP, '-o', out, '--format', 'pcapng']);
    const frames = await framesOf(out);
    assert.equal(frames.length, 38);
    assert.ok(frames.every(({ interfaceName }) => interfaceName === 'vni 4097'));
  });

  test('writes microseconds for a capture in microseconds, nanoseconds for a finer one', async () => {
    for (const [form, magic] of [
      ['usec.pcap', 0xa1b2c3d4],
      ['nsec.pcap', 0xa1b23c4d],
      ['dumpcap.pcapng', 0xa1b23c4d],
    ] as const) {
      const out = join(folder, `d.${form}.pcap`);
      await vtep(['decap', fixture(`vxlan/10-formats.${form}`), '-o', out]);
      assert.equal(readFileSync(out).readUInt32LE(0), magic);
    }
  });

  test('counts and skips ESP', async () => {
    const call = await vtep(['decap', fixture('docker/07-encrypted.underlay.pcap'), '-o', join(folder, 'e.pcap')]);
    assert.equal(call.status, 0);
    assert.match(call.stderr, /126 ESP packets skipped/);
  });

  test('reports duplicate and held fragments', async () => {
    const input = fixture('esp/16-vxlan-frag-reorder-dup-loss.underlay.pcap');
    const call = await vtep(['decap', input, '-o', join(folder, 'f.pcap')]);
    assert.match(call.stderr, /122 packets = 110 with inner frames \+ 0 ESP \+ 2 other \+ 7 held \+ 3 dropped/);
    assert.match(call.stderr, /dropped 3 DUP_FRAG: duplicate fragments/);
  });
});

describe('explains what it does not read:', () => {
  const other = join(folder, 'other-port.pcap');
  before(() => {
    // The recording with VXLAN's port changed to flannel's.
    const bytes = readFileSync(ICMP);
    for (let at = bytes.indexOf('12b5', 24, 'hex'); at >= 0; at = bytes.indexOf('12b5', at + 2, 'hex')) {
      bytes.writeUInt16BE(8472, at);
    }
    writeFileSync(other, bytes);
  });

  test('suggests --port if another port looks like VXLAN; --port may be repeated', async () => {
    const hint =
      /38 {2}VXLAN_OTHER_PORT {2}packets to UDP port 8472 look like VXLAN of VNI 4097 .*: decode them with --port 8472/;
    assert.match((await vtep(['inspect', other])).stdout, hint);
    const decap = await vtep(['decap', other, '-o', join(folder, 'g.pcap')]);
    assert.match(
      decap.stderr,
      /^ {2}38 packets to UDP port 8472 look like VXLAN of VNI 4097 .*: decode them with --port 8472$/m,
    );
    const both = await vtep(['inspect', other, '--json', '--port', '4789', '--port', '8472']);
    assert.equal(JSON.parse(both.stdout).frames, 38);
    assert.equal((await vtep(['inspect', other, '--port', '4789', '--port', '65536'])).status, 2);
    const many = Array.from({ length: 17 }, (_, i) => ['--port', String(i + 1)]).flat();
    assert.match((await vtep(['inspect', other, ...many])).stderr, /--port takes at most 16 different ports/);
  });

  test('--vni filters without warnings or drops, and reports the other VNIs', async () => {
    const call = await vtep(['inspect', ICMP, '--vni', '5', '--strict']);
    assert.equal(call.status, 0);
    assert.match(
      call.stdout,
      /^40 packets = 0 with inner frames \+ 0 ESP \+ 2 other \+ 0 held \+ 0 dropped \+ 38 filtered$/m,
    );
    assert.match(call.stdout, /^Filtered: 38 packets of other VNIs: 4097$/m);
    const decap = await vtep(['decap', ICMP, '--vni', '5', '-o', join(folder, 'h.pcap')]);
    assert.match(decap.stderr, /^ {2}filtered 38 packets of other VNIs: 4097$/m);
  });

  test('suggests --keys for ESP; decap --strict exits 1 without a frame', async () => {
    const encrypted = fixture('docker/07-encrypted.underlay.pcap');
    const call = await vtep(['inspect', encrypted, '--strict']);
    assert.equal(call.status, 0);
    assert.match(call.stdout, /note {4}126 {2}ESP_WITHOUT_KEYS {2}.*--keys/);
    assert.equal((await vtep(['decap', encrypted, '-o', join(folder, 'i.pcap'), '--strict'])).status, 1);
    assert.equal((await vtep(['decap', ICMP, '-o', join(folder, 'i.pcap'), '--strict'])).status, 0);
  });

  test('--keep-truncated writes truncated frames with their original length', async () => {
    const input = fixture('vxlan/10-formats.snap96.pcap');
    const out = join(folder, 'j.pcap');
    const call = await vtep(['decap', input, '-o', out, '--keep-truncated']);
    assert.match(call.stderr, /^ {2}26 truncated frames written$/m);
    const frames = await framesOf(out);
    assert.equal(frames.length, 26);
    // 96 bytes minus Ethernet, IPv4, UDP and VXLAN.
    assert.ok(frames.every(({ hex }) => hex.length / 2 <= 46 && hex.length > 0));
    const report = JSON.parse((await vtep(['decap', input, '-o', out, '--keep-truncated', '--json'])).stdout);
    assert.deepEqual([report.frames, report.truncated, report.accounting.dropped.CAPTURE_TRUNCATED], [0, 26, 26]);
  });
});
