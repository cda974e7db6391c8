import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { scratch, vtep } from '../../cli/run.js';
import { command } from './command.js';
import { NamespaceBench } from './namespace-bench.js';
import { type NetworkNamespace } from './network-namespace.js';
import { requirements } from './requirements.js';
import { spawnVtep } from './vtep-process.js';

describe('the command line in a namespace', { skip: requirements() }, () => {
  const folder = scratch();
  let bench: NamespaceBench | undefined;
  const namespace = (name: string): NetworkNamespace => (bench ??= new NamespaceBench()).namespace(name);
  after(() => bench?.close());

  test('gives the same output as elsewhere', async () => {
    const { status, stdout, stderr } = await spawnVtep(namespace('same'), ['mtu', '--encrypted']).end();
    assert.deepEqual({ status, stdout, stderr }, await vtep(['mtu', '--encrypted']));
  });

  test('can be awaited until it prints a line, also one printed earlier', async () => {
    const process = spawnVtep(namespace('line'), ['no-such-command']);
    assert.match(await process.ready(/unknown command/), /^vtep: unknown command "no-such-command"/);
    const { status } = await process.end();
    assert.equal(status, 2);
    assert.match(await process.ready(/unknown command/), /no-such-command/);
  });

  test('gives an error with its output if it exits without the line', async () => {
    const process = spawnVtep(namespace('other'), ['no-such-command']);
    await assert.rejects(process.ready(/listening/), /ended without a line of \/listening\/[^]*unknown command/);
  });

  test('gives an error if the line does not appear in time', async () => {
    const pipe = join(folder, 'silent');
    command(['mkfifo', pipe]);
    const process = spawnVtep(namespace('silent'), ['inspect', pipe]);
    await assert.rejects(process.ready(/listening/, 100), /took over 100 ms for a line of \/listening\//);
    assert.equal(process.running, true);
  });

  test('reports that it died by a signal', async () => {
    const pipe = join(folder, 'stopped');
    command(['mkfifo', pipe]);
    const process = spawnVtep(namespace('stopped'), ['inspect', pipe]);
    await assert.rejects(process.ready(/listening/, 500));
    const { status, signal } = await process.stop('SIGTERM');
    assert.deepEqual({ status, signal }, { status: null, signal: 'SIGTERM' });
    assert.equal(process.running, false);
  });

  test('is killed if it ignores a signal, which is an error', async () => {
    const deaf = namespace('deaf').start(['sh', '-c', 'trap "" TERM; echo deaf; while :; do sleep 1; done']);
    await deaf.line('stdout', /deaf/);
    await assert.rejects(deaf.stop('SIGTERM', 200), /did not end in 200 ms/);
    assert.equal(deaf.running, false);
  });
});
