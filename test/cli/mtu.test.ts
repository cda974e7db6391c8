import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { dockerMtu, mtuOf } from '../../src/overlay/index.js';
import { vtep } from './run.js';

async function lines(...words: readonly string[]): Promise<string[]> {
  const { status, stdout, stderr } = await vtep(['mtu', ...words]);
  assert.deepEqual([status, stderr], [0, '']);
  return stdout.trimEnd().split('\n');
}

describe('mtu', () => {
  test('shows the arithmetic line by line, each with the remaining bytes', async () => {
    const printed = await lines('--encrypted');
    let left: number | undefined;
    let steps = 0;
    for (const line of printed) {
      const row = /^ *(.*?) {2,}(\d+) {2,}(\d+)$/.exec(line);
      const first = /^ *underlay MTU +(\d+)$/.exec(line);
      if (first !== null) left = Number(first[1]);
      if (row === null || left === undefined) continue;
      left -= Number(row[2]);
      assert.equal(Number(row[3]), left, line);
      steps++;
    }
    assert.deepEqual([left, steps], [1424, 8]);
    assert.ok(printed.includes('inner MTU 1424; TCP MSS 1384 over IPv4, 1364 over IPv6 (without options)'));
    assert.equal(printed.at(-1), "Docker sets 1424, whatever the underlay's MTU: the largest that fits");
  });

  for (const [words, inner, says] of [
    [[], 1450, /^Docker sets 1450, whatever the underlay's MTU: the largest that fits$/],
    [
      ['--underlay', '1420'],
      1370,
      /^Docker sets 1450, whatever .*: 80 bytes too many\. .*driver\.mtu=1420 \(Docker subtracts \d+ itself\)$/,
    ],
    [
      ['--underlay', '1420', '--encrypted'],
      1344,
      /^Docker sets 1424, .*: 80 bytes too many\. .*driver\.mtu=1420 \(Docker subtracts \d+ itself\)$/,
    ],
    [
      ['--underlay', '1420', '--driver-mtu', '1420'],
      1370,
      /^Docker sets 1370 with --opt .*=1420: the largest that fits$/,
    ],
    [
      ['--underlay', '9001'],
      8951,
      /^Docker sets 1450, .*: 7501 bytes less than what fits; .*driver\.mtu=9001 \(Docker subtracts \d+ itself\)$/,
    ],
    [
      ['--underlay', '1430', '--encrypted'],
      1352,
      /^Docker sets 1424, .*: 72 bytes too many\. .*driver\.mtu=1430 \(Docker subtracts \d+ itself\)$/,
    ],
    [
      ['--ipv6'],
      1430,
      /^Docker sets 1450, .*: 20 bytes too many\. .*driver\.mtu=1480 \(Docker subtracts \d+ itself\)$/,
    ],
    [
      ['--ipv6', '--encrypted'],
      1404,
      /^Docker sets 1424, .*: 20 bytes too many\. .*driver\.mtu=1480 \(Docker subtracts \d+ itself\)$/,
    ],
    [['--encrypted', '--icv', '16'], 1416, /^Docker has no such networks: /],
    [['--encrypted', '--encap', '--tunnel', 'ipv4'], 1396, /^Docker has no such networks: /],
    [['--driver-mtu', '118'], 1450, /^Docker sets 68 with --opt .*=118: 1382 bytes less than what fits; /],
    [['--encrypted', '--driver-mtu', '144'], 1424, /^Docker sets 68 with .*: 1356 bytes less than what fits; /],
    [
      ['--vlan', '1'],
      1446,
      /^Docker sets 1450, .*: 4 bytes too many\. .*driver\.mtu=1496 \(Docker subtracts \d+ itself\)$/,
    ],
    [['--underlay', '1501', '--encrypted'], 1424, /^Docker sets 1424, .*: the largest that fits$/],
  ] as const) {
    test(`${words.join(' ') || 'no options'}: inner MTU ${inner}, and what Docker sets`, async () => {
      const printed = await lines(...words);
      assert.ok(
        printed.some((line) => line.startsWith(`inner MTU ${inner};`)),
        printed.join('\n'),
      );
      assert.match(printed.at(-1) ?? '', says);
    });
  }

  test('the suggested option makes Docker set the largest MTU that fits', async () => {
    for (const underlay of [1399, 1402, 1500, 9001]) {
      for (const words of [[], ['--encrypted']]) {
        const path = ['--ipv6', '--underlay', String(underlay), ...words];
        const suggested = /^inner MTU (\d+);[^]*driver\.mtu=(\d+) /m.exec((await lines(...path)).join('\n'));
        assert.ok(suggested !== null);
        assert.equal(dockerMtu(Number(suggested[2]), words.length > 0), Number(suggested[1]));
        assert.match((await lines(...path, '--driver-mtu', suggested[2])).at(-1) ?? '', /: the largest that fits$/);
      }
    }
  });

  test('--json prints one object: the path and the whole answer', async () => {
    const printed = JSON.parse((await lines('--encrypted', '--underlay', '1430', '--json')).join('\n'));
    const path = { underlayMtu: 1430, family: 4, innerTags: 0, esp: { icvLength: 8, encap: false } } as const;
    assert.deepEqual(printed, { ...path, ...mtuOf(path) });
  });

  test('refuses an underlay that leaves no room, in one line', async () => {
    const { status, stdout, stderr } = await vtep(['mtu', '--underlay', '76', '--encrypted']);
    assert.deepEqual([status, stdout], [2, '']);
    assert.match(stderr, /^vtep[^\n]*an underlay MTU of 76 bytes leaves no room[^\n]*\n$/);
  });

  for (const [words, says] of [
    [['file.pcap'], /mtu takes only options, not "file.pcap"/],
    [['--icv', '8'], /--icv, --tunnel and --encap need --encrypted/],
    [['--encap'], /need --encrypted/],
    [['--tunnel', 'ipv4'], /need --encrypted/],
    [['--encrypted', '--icv', '10'], /icv/],
    [['--encrypted', '--tunnel', 'ipv5'], /tunnel/],
    [['--underlay', '67'], /underlay/],
    [['--underlay', '65536'], /underlay/],
    [['--underlay', 'big'], /underlay/],
    [['--vlan', '3'], /vlan/],
    [['--driver-mtu', '67'], /driver-mtu/],
    [['--encrypted', '--driver-mtu', '68'], /driver\.mtu=68, Docker would set -8: an interface takes 68 or more/],
    [['--driver-mtu', '117', '--json'], /driver\.mtu=117, Docker would set 67: /],
    [['--encrypted', '--driver-mtu', '143'], /driver\.mtu=143, Docker would set 64: /],
    [['--jumbo'], /jumbo/],
  ] as const) {
    test(`refuses ${words.join(' ')} with one line and exit code 2`, async () => {
      const { status, stdout, stderr } = await vtep(['mtu', ...words]);
      assert.deepEqual([status, stdout], [2, '']);
      assert.match(stderr, says);
      assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
    });
  }
});
