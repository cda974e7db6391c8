import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { portOf } from '../../live/loopback.js';
import { scratch, vtep } from '../run.js';
import { UpProcess } from './up-process.js';

describe('the status socket of up', () => {
  const folder = scratch();
  const config = join(folder, 'config.yaml');
  const socket = join(folder, 'n1.sock');
  const configOf = (port: number): string =>
    `port: ${port}\nnodes:\n  n1: { vtep: 127.0.0.2 }\n  n2: { vtep: 127.0.0.3 }\n` +
    'networks:\n  net: { vni: 4097, subnet: 10.0.9.0/24 }\n' +
    'endpoints:\n  c1: { network: net, node: n1, ip: 10.0.9.3 }\n';
  let runs = 0;

  /** Starts a dry run on a port of its own. */
  function start(...words: readonly string[]): UpProcess {
    const file = `${config}-${++runs}`;
    writeFileSync(file, configOf(portOf(runs)));
    const out = ['--frames-out', join(folder, `${runs}.pcap`)];
    return new UpProcess(['--config', file, '--node', 'n1', '--sockets', 'node', ...out, ...words]);
  }

  test('is announced, answers, and is gone at the end', async () => {
    const up = start('--status', socket);
    assert.match(await up.said(/is up on .*/), new RegExp(`; status on ${socket}$`));
    const { stdout, status } = await vtep(['status', '--socket', socket, 'node', 'endpoints']);
    assert.equal(status, 0);
    assert.match(stdout, new RegExp(`n1, process ${up.pid}, vtep `));
    assert.match(stdout, /c1 +net +10\.0\.9\.3 +captures/);
    const another = await start('--status', socket).end();
    assert.equal(another.status, 2);
    assert.match(another.stderr, new RegExp(`n1\\.sock: in use by node n1, process ${up.pid}; stop it first`));
    assert.equal((await up.end('SIGTERM')).status, 0);
    assert.equal(existsSync(socket), false);
  });

  test('replaces that of a killed node', async () => {
    const killed = start('--status', socket);
    await killed.said(/is up on/);
    await killed.end('SIGKILL');
    assert.equal(existsSync(socket), true);
    const up = start('--status', socket);
    await up.said(/status on/);
    assert.equal((await vtep(['status', '--socket', socket, 'node'])).status, 0);
    await up.end('SIGTERM');
  });

  test('does not exist with off, nor by default in a dry run', async () => {
    for (const words of [['--status', 'off'], []]) {
      const up = start('--for', '0.05', ...words);
      const { status, stderr } = await up.end();
      assert.equal(status, 0, stderr);
      assert.doesNotMatch(stderr, /status/);
    }
  });
});
