import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { vtep } from '../run.js';

/** Tags for which 10.0.0.1 -> 10.0.0.2 has the SPI 160, and 0; found by search, and by inverting the hash. */
const RESERVED_TAG = 22_921_828;
const ZERO_TAG = 3_500_089_218;

interface Row {
  readonly tag: number;
  readonly from: string;
  readonly to: string;
  readonly form: string;
  readonly spi: string;
  readonly warning?: string;
}

async function rows(source: string, destination: string, ...tags: readonly number[]): Promise<Row[]> {
  const words = tags.flatMap((tag) => ['--tag', String(tag)]);
  const { status, stdout, stderr } = await vtep([
    'keys',
    'spi',
    '--src',
    source,
    '--dst',
    destination,
    ...words,
    '--json',
  ]);
  assert.deepEqual([status, stderr], [0, '']);
  return (JSON.parse(stdout) as { spis: Row[] }).spis;
}

function spiOf(all: readonly Row[], wanted: Partial<Row>): string {
  const found = all.filter((row) => Object.entries(wanted).every(([name, value]) => row[name as keyof Row] === value));
  assert.equal(found.length, 1);
  return found[0].spi;
}

describe('keys spi', () => {
  test('gives the SPIs of moby’s test inputs, mapped and short', async () => {
    const all = await rows('1.2.3.4', '5.6.7.8', 1234);
    assert.equal(spiOf(all, { from: '1.2.3.4', form: 'mapped' }), '0x5de62c5b');
    assert.equal(spiOf(all, { from: '1.2.3.4', form: 'short' }), '0x19b3d63b');
    assert.equal(all.length, 4);
  });

  test('gives both directions of a pair from a log', async () => {
    const all = await rows('192.168.14.147', '192.168.14.145', 13_986);
    assert.equal(spiOf(all, { from: '192.168.14.147', form: 'mapped' }), '0x1f279ba7');
    assert.equal(spiOf(all, { from: '192.168.14.145', to: '192.168.14.147', form: 'mapped' }), '0x755dee5b');
  });

  test('gives the SPIs of two keys one rotation apart, in one direction, from a log', async () => {
    const all = await rows('10.1.11.45', '10.1.11.29', 56_398, 56_396);
    assert.equal(spiOf(all, { tag: 56_398, from: '10.1.11.45', form: 'mapped' }), '0xf4faae1b');
    assert.equal(spiOf(all, { tag: 56_396, from: '10.1.11.45', form: 'mapped' }), '0xa8e5da89');
    assert.equal(all.length, 8);
  });

  test('has one form for IPv6', async () => {
    const all = await rows('2002:db8::42', '2002:db8::69', 9999);
    assert.deepEqual(
      all.map(({ form }) => form),
      ['any', 'any'],
    );
    assert.equal(spiOf(all, { from: '2002:db8::42' }), '0x342a609e');
  });

  test('uses the low 32 bits of a tag', async () => {
    const [low] = await rows('1.2.3.4', '5.6.7.8', 1234);
    const [high] = await rows('1.2.3.4', '5.6.7.8', 1234 + 5 * 2 ** 32);
    assert.equal(high.spi, low.spi);
  });

  test('prints one line per tag, direction and form', async () => {
    const words = ['keys', 'spi', '--src', '1.2.3.4', '--dst', '5.6.7.8', '--tag', '1234'];
    const { status, stdout } = await vtep(words);
    assert.equal(status, 0);
    const lines = stdout.trimEnd().split('\n');
    assert.match(lines[0], /^ {2}tag +from +to +form +SPI$/);
    assert.equal(lines[1], '  1234  1.2.3.4  5.6.7.8  mapped  0x5de62c5b');
    assert.equal(lines[2], '  1234  1.2.3.4  5.6.7.8  short   0x19b3d63b');
    assert.equal(lines.length, 5);
  });

  test('points out reserved SPIs, and the invalid SPI 0', async () => {
    const reserved = (await rows('10.0.0.1', '10.0.0.2', RESERVED_TAG, ZERO_TAG)).filter(
      ({ from }) => from === '10.0.0.1',
    );
    const warning = (tag: number): string | undefined =>
      reserved.find((row) => row.tag === tag && row.form === 'mapped')?.warning;
    assert.equal(spiOf(reserved, { tag: ZERO_TAG, form: 'mapped' }), '0x00000000');
    assert.match(warning(RESERVED_TAG) ?? '', /^reserved/);
    assert.match(warning(ZERO_TAG) ?? '', /^invalid: no SA may use SPI 0/);
    assert.ok((await rows('1.2.3.4', '5.6.7.8', 1234)).every((row) => row.warning === undefined));
  });

  const CASES: [words: string[], message: RegExp][] = [
    [['--dst', '5.6.7.8', '--tag', '1'], /needs --src/],
    [['--src', '5.6.7.8', '--tag', '1'], /needs --dst/],
    [['--src', '1.2.3.4', '--dst', '5.6.7.8'], /needs --tag/],
    [['--src', '1.2.3.4', '--dst', '2002::1', '--tag', '1'], /different IP versions/],
    [['--src', '1.2.3', '--dst', '5.6.7.8', '--tag', '1'], /--src: not an IPv4 address: "1\.2\.3"/],
    [['--src', '1.2.3.4', '--dst', '2002:::1', '--tag', '1'], /--dst: not an IPv6 address/],
    [['--src', '1.2.3.4', '--dst', '5.6.7.8', '--tag', '-1'], /tag/],
    [['--src', '1.2.3.4', '--dst', '5.6.7.8', '--tag', '1', '--tag', 'x'], /--tag takes .* not "x"/],
    [['1.2.3.4'], /takes only options, not "1.2.3.4"/],
  ];
  for (const [words, message] of CASES) {
    test(`refuses the arguments ${words.join(' ')}`, async () => {
      const { status, stdout, stderr } = await vtep(['keys', 'spi', ...words]);
      assert.deepEqual([status, stdout], [2, '']);
      assert.match(stderr, /^vtep: [^\n]+\n$/);
      assert.match(stderr, message);
    });
  }
});
