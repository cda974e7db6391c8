/** What `vtep extcap` answers, and what it refuses. */
import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { describe, test } from 'node:test';
import { vtep } from '../run.js';

const linux = process.platform === 'linux' ? false : 'devices are listed by libpcap here';

describe('vtep extcap', () => {
  test('lists its version and each device, with its address', { skip: linux }, async () => {
    const { status, stdout, stderr } = await vtep(['extcap', '--extcap-interfaces', '--extcap-version=4.0']);
    assert.deepEqual([status, stderr], [0, '']);
    const lines = stdout.trimEnd().split('\n');
    assert.match(lines[0], /^extcap \{version=[\d.]+\}\{help=https:[^}]+\}$/);
    for (const device of [...Object.keys(networkInterfaces()), 'any']) {
      assert.ok(
        lines.some((line) => line.startsWith(`interface {value=vtep-${device}}{display=vtep: inner frames of `)),
        stdout,
      );
    }
  });

  test('has one link type, and settings that are options of its own', async () => {
    const words = ['--extcap-interface', 'vtep-eth0'];
    const types = await vtep(['extcap', '--extcap-dlts', ...words]);
    assert.equal(types.stdout, 'dlt {number=1}{name=EN10MB}{display=Ethernet}\n');
    const config = await vtep(['extcap', '--extcap-config', ...words]);
    const calls = [...config.stdout.matchAll(/^arg \{number=(\d)\}\{call=(--[a-z]+)\}.*\{type=[a-z]+\}/gm)];
    assert.deepEqual(
      calls.map(([, number]) => Number(number)),
      [0, 1, 2, 3],
    );
    const help = (await vtep(['extcap', '--help'])).stdout;
    for (const [, , call] of calls) assert.match(help, new RegExp(`^ +${call}\\b`, 'm'));
  });

  test('says its version', async () => {
    assert.match((await vtep(['extcap', '--extcap-version'])).stdout, /^extcap \{version=/);
  });

  for (const [words, message] of [
    [[], /install it with vtep extcap --install/],
    [['--extcap-dlts'], /--extcap-dlts needs --extcap-interface NAME/],
    [['--capture', '--extcap-interface', 'vtep-lo'], /--capture needs --fifo PATH/],
    [['--capture', '--fifo', 'x'], /--capture needs --extcap-interface NAME/],
    [['--capture', '--fifo', 'x', '--extcap-interface', 'eth0'], /there is no interface "eth0"/],
    [['--capture', '--fifo', 'x', '--extcap-interface', 'vtep-node-nowhere'], /no node "nowhere" runs here/],
    [['--folder', 'x'], /--folder needs --install or --uninstall/],
    [['--install', '--uninstall'], /mutually exclusive/],
  ] as const) {
    test(`${words.join(' ')}: one line says what is wrong`, async () => {
      const { status, stdout, stderr } = await vtep(['extcap', ...words]);
      assert.deepEqual([status, stdout], [2, '']);
      assert.match(stderr, message);
      assert.equal(stderr.trimEnd().split('\n').length, 1);
    });
  }
});
