/** Recordings sent to virtual devices. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pcapFile } from '../../capture/build.js';
import { devicesMissing, Veth } from '../../live/veth.js';
import { fixture } from '../../repository.js';
import { framesOf } from '../frames.js';
import { scratch, vtep } from '../run.js';

const folder = scratch();
const ICMP = fixture('vxlan/01-icmp.underlay.pcap');
const HTTP = fixture('docker/03-vip-http.underlay.pcap');

describe('inject', { skip: devicesMissing() }, () => {
  let veth: Veth;
  before(() => {
    veth = new Veth();
  });
  after(() => veth.remove());

  async function report(words: readonly string[]): Promise<Record<string, number>> {
    const { status, stdout, stderr } = await veth.run(['inject', ...words, '--to', 'vh1a', '--json']);
    assert.equal(status, 0, stderr);
    return JSON.parse(stdout.toString());
  }

  /** A file of frames at the given times in milliseconds. */
  function spaced(name: string, packets: number, milliseconds: number, bytes = 100): string {
    const path = join(folder, name);
    const records = Array.from({ length: packets }, (_, i) => {
      const data = Buffer.alloc(bytes, i);
      data.writeUInt16BE(0x88b5, 12);
      const time = 1000 * i * milliseconds;
      return { data, seconds: 1_795_000_000 + Math.floor(time / 1e6), fraction: time % 1e6 };
    });
    writeFileSync(path, pcapFile(records));
    return path;
  }

  /**
   * Asserts that a measurement lies between two bounds. A busy machine sometimes exceeds `farther`, the bound that
   * delays push towards, but never the other; hence several attempts.
   */
  async function measures(measure: () => Promise<number>, bounds: readonly [number, number], farther: 0 | 1) {
    let value = Number.NaN;
    for (let tries = 0; tries < 8; tries++) {
      value = await measure();
      assert.ok(farther === 1 ? value > bounds[0] : value < bounds[1], `${value}`);
      if (value > bounds[0] && value < bounds[1]) return;
    }
    assert.fail(`${value} is not between ${bounds.join(' and ')}`);
  }

  test('keeps the gaps of the capture, divided by --speed', async () => {
    const path = spaced('gaps.pcap', 21, 50);
    const seconds = async (...words: string[]): Promise<number> => (await report([path, ...words]))['seconds'];
    await measures(() => seconds(), [0.99, 3], 1);
    await measures(() => seconds('--speed', '4'), [0.24, 1], 1);
    await measures(() => seconds('--speed', '0.5'), [1.99, 5], 1);
  });

  test('the gaps on the wire are those of the capture', async () => {
    const path = join(folder, 'wire.pcap');
    const capture = await veth.capture(['--all', '-o', path]);
    await report([spaced('even.pcap', 21, 50)]);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await veth.end(capture);
    const times = (await framesOf(path)).map(({ seconds, nanoseconds }) => seconds * 1e3 + nanoseconds / 1e6);
    assert.equal(times.length, 21);
    const gaps = times.slice(1).map((time, i) => time - times[i]);
    const median = gaps.sort((a, b) => a - b)[10];
    assert.ok(median > 35 && median < 65, `${median} ms`);
  });

  test('--pps and --mbps hold whatever the times of the capture', async () => {
    const path = spaced('long.pcap', 501, 10_000, 1250);
    await measures(async () => (await report([path, '--pps', '1000']))['packetsPerSecond'], [300, 1001], 0);
    await measures(async () => (await report([path, '--mbps', '10']))['megabitsPerSecond'], [3, 10.01], 0);
  });

  test('--loops sends the capture repeatedly, in order', async () => {
    const path = join(folder, 'loops.pcap');
    const capture = await veth.capture(['--all', '-o', path]);
    const { sent, rounds, read } = await report([ICMP, '--loops', '5', '--pps', '2000']);
    assert.deepEqual({ sent, rounds, read }, { sent: 200, rounds: 5, read: 200 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await veth.end(capture);
    const once = (await framesOf(ICMP)).map(({ hex }) => hex);
    assert.deepEqual(
      (await framesOf(path)).map(({ hex }) => hex),
      Array.from({ length: 5 }, () => once).flat(),
    );
  });

  test('sends standard input as it arrives', async () => {
    const running = veth.start(['inject', '-', '--to', 'vh1a', '--top-speed', '--json']);
    running.child.stdin.end(readFileSync(HTTP));
    const { status, stdout, stderr } = await running.ended;
    assert.equal(status, 0, stderr);
    assert.equal(JSON.parse(stdout.toString()).sent, 417);
  });

  test('skips truncated frames, and counts frames that the system refuses by error; --strict exits 1', async () => {
    const path = join(folder, 'odd.pcap');
    const whole = Buffer.alloc(60, 1);
    writeFileSync(
      path,
      pcapFile([
        { data: whole },
        { data: whole, original: 61 },
        { data: Buffer.alloc(5000) },
        { data: Buffer.alloc(3) },
      ]),
    );
    const words = [path, '--to', 'vh1a', '--top-speed'];
    const { status, stdout, stderr } = await veth.run(['inject', ...words, '--json', '--strict']);
    assert.equal(status, 1, stderr);
    const json = JSON.parse(stdout.toString());
    const { sent, truncated, refused, read, unsent } = json;
    assert.deepEqual(
      { sent, truncated, refused, read, unsent },
      { sent: 1, truncated: 1, refused: { 'Message too long': 1, 'Invalid argument': 1 }, read: 4, unsent: 0 },
    );
    assert.deepEqual(Object.keys(json).slice(0, 4), ['file', 'device', 'read', 'sent']);
    for (const value of Object.values(json)) {
      if (typeof value === 'number') assert.equal(value, Number(value.toFixed(6)));
    }
    const said = await veth.run(['inject', ...words]);
    assert.equal(said.status, 0);
    assert.match(said.stderr, /^ {2}1 refused by the system: Message too long$/m);
    assert.match(said.stderr, /^ {2}4 packets read = 1 sent \+ 2 refused \+ 1 skipped \+ 0 not sent$/m);
  });

  test('stops on a signal with its totals, also while waiting for a packet or for standard input', async () => {
    for (const words of [
      [spaced('hours.pcap', 10, 3_600_000), '--to', 'vh1a'],
      ['-', '--to', 'vh1a'],
    ]) {
      const before = veth.sent('vh1a');
      const running = veth.start(['inject', ...words]);
      if (words[0] === '-') running.child.stdin.write(readFileSync(spaced('two.pcap', 2, 3_600_000)));
      await veth.sends('vh1a', 1, before, running);
      const { status, stderr } = await veth.end(running);
      assert.equal(status, 0, stderr);
      assert.match(stderr, /^ {2}\d+ packets read = 1 sent \+ 0 refused \+ 0 skipped \+ \d+ not sent$/m);
      assert.match(stderr, /not sent: stopped by a signal/);
    }
  });

  test('stops if the device disappears: exit 2, one line, and balanced totals', async () => {
    const before = veth.sent('vh1a');
    const running = veth.start(['inject', HTTP, '--to', 'vh1a', '--pps', '100', '--json']);
    await veth.sends('vh1a', 1, before, running);
    veth.ip('link', 'del', 'vh1b');
    try {
      const { status, stdout, stderr } = await running.ended;
      assert.equal(status, 2);
      assert.equal(stderr, 'vtep: vh1a: the device disappeared or went down\n');
      const report = JSON.parse(stdout.toString()) as Record<'read' | 'sent' | 'unsent', number>;
      const { read, sent, unsent } = report;
      const refusals = Object.values((report as unknown as { refused: Record<string, number> }).refused).reduce(
        (sum, count) => sum + count,
        0,
      );
      assert.ok(sent > 0 && unsent > 0, stdout.toString());
      assert.equal(read, sent + unsent + refusals);
    } finally {
      veth.connect();
    }
  });

  test('reports a missing device in one line', async () => {
    const { status, stderr } = await veth.run(['inject', ICMP, '--to', 'none0']);
    assert.equal(status, 2);
    assert.equal(stderr, 'vtep: there is no device "none0"; vtep capture --list shows them\n');
  });

  test('sends a damaged capture up to the damage', async () => {
    const path = join(folder, 'cut.pcap');
    writeFileSync(path, readFileSync(HTTP).subarray(0, 20_000));
    const { status, stderr } = await veth.run(['inject', path, '--to', 'vh1a', '--top-speed', '--strict']);
    assert.equal(status, 1);
    assert.match(
      stderr,
      /the file ends in the middle of the record at byte \d+: .*; the packets before it were sent\n$/,
    );
  });
});

describe('refuses invalid arguments:', () => {
  for (const [words, message] of [
    [[], /needs a capture file/],
    [[ICMP], /needs --to DEVICE/],
    [[ICMP, '--to', 'x', '--pps', '1', '--mbps', '1'], /--pps and --mbps are mutually exclusive/],
    [[ICMP, '--to', 'x', '--speed', '2', '--top-speed'], /--speed and --top-speed are mutually exclusive/],
    [[ICMP, '--to', 'x', '--speed', '0'], /--speed takes a number from 0.001/],
    [[ICMP, '--to', 'x', '--pps', 'many'], /--pps takes a number from/],
    [[ICMP, '--to', 'x', '--loops', '0'], /--loops takes an integer from 1/],
    [['-', '--to', 'x', '--loops', '2'], /standard input can be read only once/],
    [
      [fixture('vxlan/11-any-sll.pcap'), '--to', 'x'],
      /link type LINUX_SLL; only Ethernet frames \(EN10MB\) can be sent/,
    ],
    [[join(folder, 'nowhere.pcap'), '--to', 'x'], /no such file/],
  ] as const) {
    test(`inject ${words.map((word) => word.split('/').at(-1)).join(' ')}: exit 2 and one line`, async () => {
      const { status, stdout, stderr } = await vtep(['inject', ...words]);
      assert.equal(status, 2);
      assert.equal(stdout, '');
      assert.match(stderr, /^vtep: [^\n]*\n$/);
      assert.match(stderr, message);
    });
  }
});
