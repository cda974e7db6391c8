/** Captures on virtual devices, into which recordings are injected. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openCaptureFile } from '../../../src/capture/index.js';
import { UnderlayDecoder, Verdict } from '../../../src/dataplane/index.js';
import { pcapFile } from '../../capture/build.js';
import { devicesMissing, Running, Veth } from '../../live/veth.js';
import { fixture, ROOT } from '../../repository.js';
import { countOf, framesOf } from '../frames.js';
import { MAIN, scratch, vtep } from '../run.js';

const folder = scratch();
const HTTP = fixture('docker/03-vip-http.underlay.pcap');
const ENCRYPTED = fixture('docker/07-encrypted.underlay.pcap');
const RING = fixture('docker/swarm-keys.txt');

/** Recordings with VXLAN, ESP and ESP in UDP, unfragmented and fragmented, over IPv4 and IPv6. */
const RECORDINGS = [
  'docker/03-vip-http.underlay.pcap',
  'docker/07-encrypted.underlay.pcap',
  'vxlan/30-outerfrag-1500-icmp.underlay.pcap',
  'vxlan/50-ipv6-underlay.underlay.pcap',
  'esp/09-esp-frag-1500.underlay.pcap',
  'esp/13-esp-natt.underlay.pcap',
  'esp/14-esp-ipv6.underlay.pcap',
  'esp/16-vxlan-frag-reorder-dup-loss.underlay.pcap',
].map(fixture);

/** The packets of a capture that belong to an overlay, and all fragments. */
async function overlayPackets(path: string): Promise<{ hex: string[]; fragments: Set<string> }> {
  const decoder = new UnderlayDecoder();
  const source = await openCaptureFile(path);
  const found: string[] = [];
  const fragments = new Set<string>();
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
    for (let i = 0; i < batch.count; i++) {
      const at = batch.offset[i];
      const end = at + batch.capturedLength[i];
      const hex = Buffer.from(batch.bytes.subarray(at, end)).toString('hex');
      const verdict = decoder.receive(batch.linkType[i], batch.bytes, at, end, end, batch.seconds[i]);
      if (decoder.outer.isFragment || decoder.parts > 1) fragments.add(hex);
      if (verdict !== Verdict.Other) found.push(hex);
    }
  }
  await source.close();
  return { hex: found, fragments };
}

/** Frames as a capture file. */
function written(name: string, frames: readonly string[]): string {
  const path = join(folder, name);
  writeFileSync(path, pcapFile(frames.map((hex) => ({ data: Buffer.from(hex, 'hex') }))));
  return path;
}

const VLAN_TAG = '81000064';

// xterm's control sequences.
const ALTERNATE_SCREEN = '\x1b[?1049h';
const NORMAL_SCREEN = '\x1b[?1049l';

describe('capture', { skip: devicesMissing() }, () => {
  let veth: Veth;
  before(() => {
    veth = new Veth();
  });
  after(() => veth.remove());

  /** Sends files to the other end, one after another, while a capture runs; then stops the capture. */
  async function captured(words: readonly string[], files: readonly string[]): ReturnType<Veth['run']> {
    const capture = await veth.capture(words);
    for (const file of files) {
      const { status, stderr } = await veth.run(['inject', file, '--to', 'vh1a', '--pps', '2000', '--strict']);
      assert.equal(status, 0, stderr);
    }
    // All packets are in the kernel's buffer by now; this is half the time that a slow machine needs to read them.
    await new Promise((resolve) => setTimeout(resolve, 300));
    return veth.end(capture);
  }

  test('-o --all keeps every packet byte for byte, with its arrival time', async () => {
    const path = join(folder, 'all.pcap');
    const start = Date.now() / 1000;
    const { status, stderr } = await captured(['--all', '-o', path], [HTTP]);
    assert.equal(status, 0, stderr);
    const [sent, got] = [await framesOf(HTTP), await framesOf(path)];
    assert.deepEqual(
      got.map(({ hex }) => hex),
      sent.map(({ hex }) => hex),
    );
    const times = got.map(({ seconds, nanoseconds }) => seconds + nanoseconds / 1e9);
    times.forEach((time, i) =>
      assert.ok(time >= (i === 0 ? start - 1 : times[i - 1]) && time <= Date.now() / 1000 + 1),
    );
    assert.match(
      stderr,
      /^vh1b: 417 packets, 137,760 bytes in [\d.]+ s -> .*all\.pcap\n {2}0 dropped by the kernel; stopped by a signal$/m,
    );
  });

  test('the default filter passes every packet of an overlay, and otherwise only fragments that may belong to one', async () => {
    const found = await Promise.all(RECORDINGS.map(overlayPackets));
    for (const { hex } of found) assert.ok(hex.length > 0);
    const wanted = found.flatMap(({ hex }) => hex);
    const known = new Set(wanted);
    const fragments = new Set(found.flatMap((one) => [...one.fragments]));
    const all = (await Promise.all(RECORDINGS.map(framesOf))).flat().map(({ hex }) => hex);
    assert.ok(all.length > wanted.length);

    const plain = join(folder, 'plain.pcap');
    const outcome = await captured(['-o', plain], [written('all.pcap', all)]);
    assert.equal(outcome.status, 0, outcome.stderr);
    const got = (await framesOf(plain)).map(({ hex }) => hex);
    assert.deepEqual(
      got.filter((hex) => known.has(hex)),
      wanted,
    );
    for (const hex of got) assert.ok(known.has(hex) || fragments.has(hex), hex);

    // The same with a VLAN tag.
    const under = join(folder, 'under.pcapng');
    const tagged = all.map((hex) => `${hex.slice(0, 24)}${VLAN_TAG}${hex.slice(24)}`);
    await captured(['-o', under], [written('tagged.pcap', tagged)]);
    const untagged = (await framesOf(under)).map(({ hex }) => {
      assert.equal(hex.slice(24, 32), VLAN_TAG);
      return hex.slice(0, 24) + hex.slice(32);
    });
    assert.deepEqual(untagged, got);
  });

  test('--filter takes a libpcap filter', async () => {
    const path = join(folder, 'filtered.pcap');
    await captured(['--filter', 'tcp port 2377', '-o', path], [HTTP]);
    assert.equal((await framesOf(path)).length, 48);
  });

  test('tables match the output of inspect for the same packets', async () => {
    const { status, stdout, stderr } = await captured(['--all', '--rows', '0'], [HTTP]);
    assert.equal(status, 0, stderr);
    // The packets are sent faster than they were recorded.
    const untimed = (text: string): string[] => text.replace(/^Rates\n(?:.+\n)*\n/m, '').split('\n');
    const lines = untimed(stdout.toString());
    assert.equal(lines[0], 'vh1b: live, EN10MB');
    const inspected = untimed((await vtep(['inspect', HTTP, '--rows', '0'])).stdout);
    assert.deepEqual(lines.slice(2), inspected.slice(2));
  });

  describe('on a terminal', () => {
    /** Runs a capture on a terminal of 12 lines of 60 characters until `end` ends it, while packets arrive. */
    async function watched(end: (terminal: Running) => void): Promise<{ status: number | null; text: string }> {
      const main = [process.execPath, MAIN, 'capture', 'vh1b', '--all'].map((word) => `'${word}'`).join(' ');
      // Afterwards, stty says how the terminal was left.
      const line = `stty rows 12 cols 60; ip netns exec ${veth.namespace} ${main}; echo status $?; stty -a`;
      const terminal = new Running('script', ['-qec', line, '/dev/null'], true, { COLUMNS: undefined });
      while (!terminal.printed.includes(ALTERNATE_SCREEN)) await sleep(20);
      await veth.run(['inject', HTTP, '--to', 'vh1a', '--pps', '2000']);
      while (!/packets\/s, [1-9]/.test(terminal.printed) || !terminal.printed.includes('4097')) await sleep(20);
      end(terminal);
      const { status, stdout } = await terminal.ended;
      return { status, text: stdout.toString() };
    }

    /** Sends SIGTERM to vtep in the namespace, where the process that captures for it runs too. */
    function terminate(): void {
      const { stdout } = spawnSync('ip', ['netns', 'pids', veth.namespace], { encoding: 'utf8' });
      const found = stdout
        .split('\n')
        .filter((pid) => pid !== '' && readFileSync(`/proc/${pid}/cmdline`).includes(MAIN));
      assert.equal(found.length, 1);
      process.kill(Number(found[0]), 'SIGTERM');
    }

    for (const [what, words, end] of [
      ['q', 'stopped by q', (terminal: Running) => terminal.child.stdin.write('q')],
      ['Ctrl-C', 'stopped by a signal', (terminal: Running) => terminal.child.stdin.write('\x03')],
      ['SIGTERM', 'stopped by a signal', () => terminate()],
    ] as const) {
      test(`shows rates in the window, and restores it on ${what}`, { timeout: 60_000 }, async () => {
        const { text } = await watched(end);
        const view = text.slice(text.indexOf(ALTERNATE_SCREEN), text.indexOf(NORMAL_SCREEN));
        // eslint-disable-next-line no-control-regex -- control sequences are the subject
        const frames = view.split('\x1b[H').map((frame) => frame.replace(/\x1b\[[?\d]*[a-zA-Z]/g, '').split('\r\n'));
        for (const frame of frames) {
          assert.ok(frame.length <= 12, frame.join('\n'));
          for (const line of frame) assert.ok(line.length <= 60, line);
        }
        assert.match(frames.at(-1)?.[1] ?? '', /^Problems: none/);
        assert.match(frames.at(-1)?.at(-1) ?? '', /^sort by p packets\/s {2}b bit\/s .* q quit$/);
        const after = text.slice(text.indexOf(NORMAL_SCREEN));
        assert.ok(after.includes(words), after);
        assert.ok(after.includes('Problems: none'), 'the tables follow');
        assert.match(after, /status 0\r\n/);
        assert.match(after, / icanon .* echo /s);
        assert.ok(after.includes('\x1b[?25h') || view.includes('\x1b[?25h'), 'the cursor is shown');
      });
    }
  });

  test('--packets prints one line per packet immediately', async () => {
    const { stdout } = await captured(['--packets', '--all'], [HTTP]);
    const lines = stdout.toString().trimEnd().split('\n');
    const inspected = (await vtep(['inspect', HTTP, '--packets'])).stdout.trimEnd().split('\n');
    // Each line starts with number and time; the times differ.
    const rest = (line: string): string => line.slice(18);
    assert.deepEqual(lines.map(rest), inspected.map(rest));
  });

  test('--decap decrypts ESP with the keys and gives the same frames as decap', async () => {
    const live = join(folder, 'frames.pcap');
    const { status, stderr } = await captured(['--decap', '-o', live, '--keys', RING], [ENCRYPTED]);
    assert.equal(status, 0, stderr);
    const path = join(folder, 'decap.pcap');
    await vtep(['decap', ENCRYPTED, '--keys', RING, '-o', path]);
    const [got, wanted] = [await framesOf(live), await framesOf(path)];
    assert.ok(wanted.length > 0);
    assert.deepEqual(
      got.map(({ hex }) => hex),
      wanted.map(({ hex }) => hex),
    );
    assert.match(stderr, /126 ESP packets decrypted by/);
  });

  test('-o with --inspect keeps packets encrypted, though the tables decrypt them', async () => {
    const path = join(folder, 'both.pcap');
    const words = ['--inspect', '-o', path, '--keys', RING, '--json', '--all'];
    const { status, stdout, stderr } = await captured(words, [ENCRYPTED]);
    assert.equal(status, 0, stderr);
    const report = JSON.parse(stdout.toString());
    assert.equal(
      report.survey.esp.reduce((sum: number, row: { opened: number }) => sum + row.opened, 0),
      126,
    );
    assert.deepEqual(
      (await framesOf(path)).map(({ hex }) => hex),
      (await framesOf(ENCRYPTED)).map(({ hex }) => hex),
    );
  });

  test('--rotate-size and --files keep the newest packets in complete files', async () => {
    const path = join(folder, 'ring.pcap');
    const words = ['--all', '-o', path, '--rotate-size', '30k', '--files', '3', '--json'];
    const { status, stdout, stderr } = await captured(words, [HTTP]);
    assert.equal(status, 0, stderr);
    const names = readdirSync(folder)
      .filter((name) => name.startsWith('ring_'))
      .sort();
    assert.equal(names.length, 3);
    const report = JSON.parse(stdout.toString());
    assert.deepEqual(report.files, { finished: 5, deleted: 2, last: join(folder, names[2]) });
    const got = (await Promise.all(names.map((name) => framesOf(join(folder, name))))).flat();
    const sent = await framesOf(HTTP);
    assert.deepEqual(
      got.map(({ hex }) => hex),
      sent.slice(-got.length).map(({ hex }) => hex),
    );
  });

  test('--count captures that many packets and reports how many followed', async () => {
    const path = join(folder, 'count.pcap');
    const capture = await veth.capture(['--all', '--count', '100', '-o', path, '--json']);
    await veth.run(['inject', HTTP, '--to', 'vh1a', '--top-speed']);
    const { status, stdout, stderr } = await capture.ended;
    assert.equal(status, 0, stderr);
    const { packets, leftOut, end, kernelDrops } = JSON.parse(stdout.toString());
    assert.deepEqual({ packets, end, kernelDrops }, { packets: 100, end: 'count', kernelDrops: 0 });
    assert.ok(leftOut <= 317);
    assert.equal((await framesOf(path)).length, 100);
  });

  test('with a slow reader, every packet is either written or counted as dropped by the kernel', async () => {
    const sent = 60;
    const capture = await veth.capture(['--all', '--buffer', '1', '-o', '-'], false);
    const { status } = await veth.run(['inject', HTTP, '--to', 'vh1a', '--top-speed', '--loops', String(sent)]);
    assert.equal(status, 0);
    capture.read();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const { stdout, stderr } = await veth.end(capture);
    const path = join(folder, 'slow.pcap');
    writeFileSync(path, stdout);
    const drops = Number(/^ {2}([\d,]+) dropped by the kernel/m.exec(stderr)?.[1].replaceAll(',', ''));
    assert.ok(drops > 0, stderr);
    const got = await framesOf(path);
    assert.equal(got.length + drops, 417 * sent);
    // Only packets that were sent.
    const known = countOf(await framesOf(HTTP));
    for (const { hex } of got) assert.ok(known.has(hex));
  });

  test('stops if the device disappears: exit 2, one line, and keeps the packets before', async () => {
    const path = join(folder, 'gone.pcap');
    const capture = await veth.capture(['--all', '-o', path]);
    await veth.run(['inject', HTTP, '--to', 'vh1a', '--pps', '2000']);
    await new Promise((resolve) => setTimeout(resolve, 300));
    veth.ip('link', 'del', 'vh1a');
    try {
      const { status, stderr } = await capture.ended;
      assert.equal(status, 2);
      assert.match(
        stderr,
        /; stopped by the device\nvtep: vh1b: the capture ended early: the device disappeared or went down; the packets before that are kept\n$/,
      );
      assert.doesNotMatch(stderr, /Assertion|Warning/);
      assert.equal((await framesOf(path)).length, 417);
    } finally {
      veth.connect();
    }
  });

  test('reports in one line a missing device, a device that is down, and an invalid filter', async () => {
    const filter = 'udp port vxlan or not';
    veth.ip('link', 'set', 'lo', 'down');
    for (const [words, message] of [
      [['none0'], 'there is no device "none0"; vtep capture --list shows them'],
      [['lo'], '"lo" is down; bring it up first: ip link set lo up'],
      [['vh1b', '--filter', filter], /^libpcap rejects the filter: .*; see: man pcap-filter$/],
      [['vh1b', '--filter', 'x'.repeat(20_000)], 'a filter may have at most 16384 characters'],
    ] as const) {
      const { status, stdout, stderr } = await veth.run(['capture', ...words]);
      assert.equal(status, 2);
      assert.equal(stdout.length, 0);
      const line = /^vtep: ([^\n]*)\n$/.exec(stderr)?.[1] ?? stderr;
      if (typeof message === 'string') assert.equal(line, message);
      else assert.match(line, message);
    }
  });

  test('tells a user without privileges what is needed', () => {
    const words = ['--bounding-set', '-net_raw,-net_admin', process.execPath, MAIN];
    for (const call of [
      ['capture', 'lo'],
      ['inject', HTTP, '--to', 'lo'],
    ]) {
      const { status, stderr } = spawnSync('setpriv', [...words, ...call], { encoding: 'utf8' });
      assert.equal(status, 2);
      assert.match(stderr, /^vtep: "lo": not permitted \(.*\); run as root, or give node CAP_NET_RAW\n$/);
    }
  });

  test('works without koffi, but kernel drops are unknown', () => {
    const copy = join(folder, 'no-koffi');
    for (const name of ['dist/cli', 'package.json']) {
      cpSync(join(ROOT, name), join(copy, name), { recursive: true });
    }
    mkdirSync(join(copy, 'node_modules'));
    for (const name of ['cap']) {
      symlinkSync(join(ROOT, 'node_modules', name), join(copy, 'node_modules', name));
    }
    const main = join(copy, 'dist/cli/main.js');
    const words = ['netns', 'exec', veth.namespace, process.execPath, main, 'capture', 'vh1b', '--for', '0.2'];
    const said = spawnSync('ip', words, { encoding: 'utf8', timeout: 60_000 });
    assert.equal(said.status, 0, said.stderr);
    assert.match(said.stderr, /^ {2}kernel drops unknown \(needs Linux and the koffi package\); stopped/m);
    const { kernelDrops } = JSON.parse(spawnSync('ip', [...words, '--json'], { encoding: 'utf8' }).stdout);
    assert.equal(kernelDrops, null);
  });

  test('captures a device without Ethernet with the default filter, without its VLAN part', async () => {
    veth.ip('tuntap', 'add', 'vh1t', 'mode', 'tun');
    veth.ip('link', 'set', 'vh1t', 'up');
    const path = join(folder, 'tun.pcap');
    const { status, stderr } = await veth.run(['capture', 'vh1t', '--for', '0.2', '-o', path]);
    assert.equal(status, 0, stderr);
    assert.equal(readFileSync(path).readUInt32LE(20), 101);
    const refused = await veth.run(['inject', HTTP, '--to', 'vh1t']);
    assert.equal(refused.status, 2);
    assert.equal(refused.stderr, 'vtep: "vh1t" has link type RAW, not Ethernet\n');
  });

  test('any captures all devices at once, cooked, with known kernel drops', async () => {
    const capture = veth.start(['capture', 'any', '--json', '--vni', '4097']);
    await capture.says('capturing from any');
    const sent = ['inject', fixture('vxlan/01-icmp.underlay.pcap'), '--to', 'vh1a', '--pps', '500', '--loops', '20'];
    assert.equal((await veth.run(sent)).status, 0);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { status, stdout, stderr } = await veth.end(capture);
    assert.equal(status, 0, stderr);
    const { linkType, kernelDrops, survey, end } = JSON.parse(stdout.toString());
    // Each packet leaves at one end and arrives at the other.
    assert.deepEqual(
      { linkType, kernelDrops, frames: survey.frames, end },
      { linkType: 'LINUX_SLL', kernelDrops: 0, frames: 2 * 20 * 38, end: 'signal' },
    );
  });

  test('--list shows the devices', async () => {
    const { status, stdout } = await veth.run(['capture', '--list']);
    assert.equal(status, 0);
    for (const name of ['vh1a', 'vh1b', 'any', 'lo'])
      assert.match(stdout.toString(), new RegExp(`^ {2}${name}( |$)`, 'm'));
    const { devices } = JSON.parse((await veth.run(['capture', '--list', '--json'])).stdout.toString());
    const loopback = devices.find(({ name }: { name: string }) => name === 'lo');
    assert.equal(loopback.loopback, true);
  });
});

describe('refuses invalid arguments:', () => {
  for (const [words, message] of [
    [[], /needs a device/],
    [['a', 'b'], /takes one device, not 2/],
    [['--list', 'a'], /--list takes no device/],
    [['--list', '--all'], /--list and --all are mutually exclusive/],
    [['a', '--filter', 'udp', '--all'], /are mutually exclusive/],
    [['a', '--decap'], /--decap needs an output file: -o OUT/],
    [['a', '--decap', '-o', 'x.pcap', '--inspect'], /--decap and --inspect/],
    [['a', '--packets', '-o', 'x.pcap'], /--packets and --output are mutually exclusive/],
    [['a', '-o', '-', '--json'], /both use standard output/],
    [['a', '-o', '-', '--inspect'], /both use standard output/],
    [['a', '-o', 'x.pcap', '--keys', RING], /--keys needs tables, --packets or --decap/],
    [['a', '--rotate-size', '1M'], /need -o OUT/],
    [['a', '--files', '3', '-o', 'x.pcap'], /--files needs --rotate/],
    [['a', '-o', '-', '--rotate-size', '1M'], /standard output can't be rotated/],
    [['a', '--decap', '-o', 'x.pcapng', '--rotate-size', '1M'], /rotates only pcap/],
    [['a', '--rotate-size', '1x', '-o', 'x.pcap'], /--rotate-size takes 1000 to/],
    [['a', '--for', '0'], /--for takes 0.001 to/],
    [['a', '--count', '0'], /--count takes an integer from 1/],
    [['a', '--buffer', '2048'], /--buffer takes an integer from 1 to 2047/],
  ] as const) {
    test(`capture ${words.join(' ').replace(RING, 'RING')}: exit 2 and one line`, async () => {
      const { status, stdout, stderr } = await vtep(['capture', ...words]);
      assert.equal(status, 2);
      assert.equal(stdout, '');
      assert.match(stderr, /^vtep: [^\n]*\n$/);
      assert.match(stderr, message);
    });
  }
});
