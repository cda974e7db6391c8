import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { findLinuxVxlan, runLinuxVxlan } from '../../../bench/peers/linux-vxlan.js';
import { ProgramError } from '../../../bench/peers/program.js';

const found = await findLinuxVxlan();
const program = 'program' in found ? found.program : '';
const skip = 'missing' in found ? found.missing : false;
const DEVICES = ['vx', 'under'];

/** Those of the program's devices that are in this namespace: its own namespaces are anonymous and end with it. */
function left(): string[] {
  return readdirSync('/sys/class/net').filter((name) => DEVICES.includes(name));
}

test(
  "frames pass the kernel's vxlan driver, both ways and one way, and it leaves nothing behind",
  { skip },
  async () => {
    const found = await runLinuxVxlan(program, 20, [64, 1464]);
    assert.equal(found.length, 2);
    for (const [bothWays, oneWay] of found) assert.ok(oneWay > 0 && bothWays > 0 && Number.isFinite(bothWays));
    assert.deepEqual(left(), []);
  },
);

test('refuses sizes that are too small for a frame, or larger than the network accepts', { skip }, async () => {
  for (const bytes of [41, 1465]) await assert.rejects(runLinuxVxlan(program, 1, [bytes]), ProgramError);
});

test('an interrupted run leaves no namespaces behind', { skip }, async () => {
  for (const signal of ['SIGINT', 'SIGKILL'] as const) {
    const running = spawn(program, ['10000', '64'], { stdio: 'ignore' });
    await sleep(100);
    running.kill(signal);
    assert.deepEqual(await once(running, 'exit'), [null, signal]);
    assert.deepEqual(left(), []);
  }
});
