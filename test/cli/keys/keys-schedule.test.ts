import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { scratch, vtep } from '../run.js';

const folder = scratch();
const KEY = '4c6f72656d20697073756d20646f6c6f';
const START = '2026-11-21T12:00:00Z';

function ringFile(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const keys = (...tags: readonly number[]): string => {
  return `keys:\n${tags.map((tag, i) => `  - { tag: ${tag}, key: '${KEY.slice(0, -1)}${i}' }\n`).join('')}`;
};
const SWARM = ringFile('swarm.yaml', keys(29_943, 29_945, 29_947));
const STRICT = ringFile('strict.yaml', `profile: strict\n${keys(1, 2, 3)}`);

async function printed(...words: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await vtep(['keys', 'schedule', ...words]);
  assert.deepEqual([status, stderr], [0, '']);
  return stdout;
}

interface Report {
  readonly start: string;
  readonly rotations: readonly { readonly time: string; readonly hours: number; readonly made: string }[];
  readonly keys: readonly { readonly key: string }[];
  readonly sequence?: { readonly bits: number; readonly lasts: boolean; readonly runsOut: object | null };
}

async function report(...words: readonly string[]): Promise<Report> {
  return JSON.parse(await printed(...words, '--json')) as Report;
}

describe('keys schedule', () => {
  test('prints four rotations 12 hours apart with the ring’s tags, and the life of each key', async () => {
    const lines = (await printed('--ring', SWARM, '--start', START)).split('\n');
    assert.deepEqual(lines.slice(0, 7), [
      'Rotations',
      '  time                   hours  created  now transmits  dropped',
      '  2026-11-22T00:00:00Z  +12.00  next+1   29947          29943',
      '  2026-11-22T12:00:00Z  +24.00  next+2   next+1         29945',
      '  2026-11-23T00:00:00Z  +36.00  next+3   next+2         29947',
      '  2026-11-23T12:00:00Z  +48.00  next+4   next+3         next+1',
      '',
    ]);
    const find = (key: string): string | undefined => lines.find((line) => line.startsWith(`  ${key} `));
    const day = (date: number, hour: string): string => `2026-11-${date}T${hour}:00:00Z`;
    assert.equal(
      find('29945 '),
      `  29945   -                     ${day(21, '12')}  ${day(22, '00')}  ${day(22, '12')}`,
    );
    assert.equal(find('29947 '), `  29947   ${day(21, '12')}  ${day(22, '00')}  ${day(22, '12')}  ${day(23, '00')}`);
  });

  test('without a ring, calls the keys oldest, current and next', async () => {
    const { keys: lives } = await report('--count', '2');
    assert.deepEqual(
      lives.map(({ key }) => key),
      ['oldest', 'current', 'next', 'next+1', 'next+2'],
    );
  });

  test('starts now by default', async () => {
    const before = Math.floor(Date.now() / 1000) * 1000;
    const start = Date.parse((await report('--count', '1')).start);
    assert.ok(start >= before && start <= Date.now());
  });

  test('accepts durations in seconds, minutes, hours and days, and times in UTC, with a zone or as seconds', async () => {
    for (const [every, hours] of [
      ['5400', 1.5],
      ['90m', 1.5],
      ['1.5h', 1.5],
      ['2d', 48],
    ] as const) {
      assert.equal((await report('--every', every, '--count', '1')).rotations[0].hours, hours);
    }
    for (const start of ['2026-11-21T12:00', '2026-11-21T12:00:00', '2026-11-21T14:00:00+02:00', '1795262400']) {
      assert.equal((await report('--start', start, '--count', '1')).start, START);
    }
    assert.equal((await report('--start', '2026-11-21', '--count', '1')).start, '2026-11-21T00:00:00Z');
  });

  test('jitter moves rotations within its bounds, and equally for the same seed', async () => {
    const words = ['--start', '0', '--jitter', '30m', '--count', '40'];
    const { rotations } = await report(...words, '--seed', '7');
    const offsets = rotations.map(({ hours }, i) => hours - 12 * (i + 1));
    assert.ok(offsets.every((offset) => Math.abs(offset) <= 0.5));
    assert.ok(new Set(offsets).size > 30);
    assert.deepEqual((await report(...words, '--seed', '7')).rotations, rotations);
    assert.notDeepEqual((await report(...words, '--seed', '8')).rotations, rotations);
  });

  test('--rate reports that sequence numbers last, or when they run out and what helps', async () => {
    assert.match(
      await printed('--rate', '99420'),
      /; a key transmits for at most 43,200 s .* uses 100\.0 % of them\.\n$/,
    );
    const out = await printed('--rate', '200000', '--start', START);
    assert.match(out, / last 21,474 s \(5\.97 h\); /);
    assert.match(out, /They run out: from 2026-11-21T17:57:54Z, nothing is sent with key current/);
    assert.match(out, /profile: strict.*\n.*--every 21474 or less\n.*manual rotation within 21,474 s/);
  });

  test('sequence numbers last for the suggested interval, also with jitter', async () => {
    for (const jitter of ['0', '20m']) {
      const words = ['--rate', '200000', '--jitter', jitter, '--count', '200'];
      const advised = /--every (\d+) or less/.exec(await printed(...words))?.[1];
      assert.ok(advised !== undefined);
      assert.equal((await report(...words, '--every', advised)).sequence?.lasts, true);
    }
  });

  test('suggests no interval that leaves nodes too little time', async () => {
    assert.doesNotMatch(await printed('--rate', '100000000'), /--every/);
  });

  test('a strict ring has 64-bit sequence numbers, which last', async () => {
    assert.match(await printed('--ring', STRICT, '--rate', '10000000'), /2\^64 - 1 .* last for more than a century/);
    const { sequence } = await report('--ring', STRICT, '--rate', '10000000');
    assert.deepEqual([sequence?.bits, sequence?.lasts, sequence?.runsOut], [64, true, null]);
  });

  test('prints no key', async () => {
    for (const words of [[], ['--json'], ['--rate', '5', '--json']]) {
      assert.ok(!(await printed('--ring', SWARM, ...words)).includes(KEY.slice(0, 8)));
    }
  });

  const CASES: [words: string[], message: RegExp][] = [
    [['ring.yaml'], /takes only options, not "ring.yaml"/],
    [['--ring', join(folder, 'nowhere')], /nowhere: no such file/],
    [['--ring', ringFile('text', 'hello')], /text: not output of ip xfrm state/],
    [['--every', '0'], /--every takes/],
    [['--every', '12x'], /--every takes/],
    [['--every', '400d'], /--every takes/],
    [['--jitter', '6h'], /less than half the interval/],
    [['--seed', '4'], /--seed needs --jitter/],
    [['--start', 'tomorrow'], /--start takes/],
    [['--start', '2026-02-31'], /--start takes/],
    [['--start', '2026-11-21T25:00'], /--start takes/],
    [['--start', '999999999999'], /--start takes/],
    [['--count', '0'], /--count takes/],
    [['--rate', '0'], /--rate takes/],
  ];
  for (const [words, message] of CASES) {
    test(`refuses the arguments ${words.join(' ').replace(folder, '')}`, async () => {
      const { status, stdout, stderr } = await vtep(['keys', 'schedule', ...words]);
      assert.deepEqual([status, stdout], [2, '']);
      assert.match(stderr, /^vtep: [^\n]+\n$/);
      assert.match(stderr, message);
    });
  }
});
