import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, describe, test } from 'node:test';
import { ROOT } from '../../repository.js';
import { command } from './command.js';
import { linkCounters } from './link-counters.js';
import { NamespaceBench } from './namespace-bench.js';
import { ping } from './ping.js';
import { lacking, requirements } from './requirements.js';
import { udpSockets } from './udp-sockets.js';
import { underlay, UNDERLAY_DEVICE } from './underlay.js';

const CHILD = join(ROOT, 'dist/test/live/namespaces/bench-child.js');
const REQUIREMENTS = join(ROOT, 'dist/test/live/namespaces/requirements.js');
const PORT = 4791;
const skip = requirements();

function standing(): string[] {
  return command(['ip', 'netns', 'list'])
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '');
}

/** Whether a process is running; a zombie has no program. */
function runs(pid: string): boolean {
  return existsSync(`/proc/${pid}/exe`);
}

/** Runs the child until it exits, and returns the name of its namespace once the program in it has also exited. */
async function left(how: string, signal?: NodeJS.Signals): Promise<string> {
  const child = spawn(process.execPath, [CHILD, how], { stdio: ['ignore', 'pipe', 'ignore'] });
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  const [name, pid] = line.trim().split(' ') as [string, string];
  if (signal !== undefined) {
    assert.ok(standing().includes(name) && runs(pid));
    child.kill(signal);
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  for (let waits = 0; runs(pid) && waits < 3000; waits++) await sleep(10);
  assert.equal(runs(pid), false);
  return name;
}

describe('a bench of network namespaces', { skip }, () => {
  const bench = new NamespaceBench();
  after(() => bench.close());

  test('is gone after close, with its processes, and may be closed twice', async () => {
    const own = new NamespaceBench();
    const namespace = own.namespace('own');
    const sleeper = namespace.start(['sleep', '100']);
    assert.ok(standing().includes(namespace.name));
    own.close();
    assert.equal((await sleeper.ended).signal, 'SIGKILL');
    assert.equal(standing().includes(namespace.name), false);
    own.close();
  });

  for (const [how, signal] of [
    ['exit'],
    ['throw'],
    ['run', 'SIGTERM'],
    ['run', 'SIGINT'],
    ['run', 'SIGHUP'],
  ] as const) {
    test(`is gone after its process exited by ${signal ?? how}`, async () => {
      const name = await left(how, signal);
      assert.equal(standing().includes(name), false);
    });
  }

  test('of a killed process is removed by the next bench, with its processes', async () => {
    const name = await left('run', 'SIGKILL');
    new NamespaceBench().close();
    assert.equal(standing().includes(name), false);
  });

  test('shares no name with another of the same process', () => {
    const [a, b] = [new NamespaceBench(), new NamespaceBench()];
    assert.notEqual(a.namespace('n').name, b.namespace('n').name);
    a.close();
    b.close();
  });

  test('leaves the machine’s own namespace unchanged', () => {
    const before = readdirSync('/sys/class/net').sort();
    const own = new NamespaceBench();
    underlay(own);
    assert.deepEqual(readdirSync('/sys/class/net').sort(), before);
    own.close();
  });

  test('reports which command failed, and why', () => {
    const namespace = bench.namespace('words');
    assert.throws(() => namespace.ip('link set nothing up'), /ip -n \S+words link set nothing up: Cannot find device/);
    assert.throws(() => bench.namespace('words'), /ip netns add \S+words: .*File exists/);
    assert.throws(() => namespace.call(['no-such-program']), /no-such-program/);
  });

  test('creates links with the requested addresses, MACs and MTU, and counts packets', async () => {
    const own = new NamespaceBench();
    const [n1, n2] = underlay(own, { mtu: 1400 });
    const link = n1.namespace.ip(`link show ${UNDERLAY_DEVICE}`);
    assert.match(link, /mtu 1400 .*state UP/);
    assert.match(link, /02:00:00:00:50:01/);
    const before = linkCounters(n2.namespace, UNDERLAY_DEVICE).received;
    assert.equal((await ping(n1.namespace, n2.ipv4, { count: 10, size: 1000 })).lost, 0);
    assert.equal((await ping(n1.namespace, n2.ipv6, { count: 10, size: 1000 })).lost, 0);
    const { received } = linkCounters(n2.namespace, UNDERLAY_DEVICE);
    assert.ok(received.packets - before.packets >= 20);
    assert.ok(received.bytes - before.bytes >= 20 * 1000);
    own.close();
  });

  test('reports the waiting bytes and the drops of a UDP socket', async () => {
    const namespace = bench.namespace('sockets');
    const receiver = namespace.start([
      process.execPath,
      '-e',
      `const s = require('node:dgram').createSocket({ type: 'udp4', recvBufferSize: 4096 });
       s.bind(${PORT}, '127.0.0.1', () => { console.log('bound'); const end = Date.now() + 60000; while (Date.now() < end); });`,
    ]);
    await receiver.line('stdout', /bound/);
    assert.deepEqual(
      udpSockets(namespace).filter(({ port }) => port === PORT),
      [{ port: PORT, waiting: 0, drops: 0 }],
    );
    namespace.call([
      process.execPath,
      '-e',
      `const s = require('node:dgram').createSocket('udp4'); let left = 100;
       for (let i = 0; i < 100; i++) s.send(Buffer.alloc(1000), ${PORT}, '127.0.0.1', () => --left || s.close());`,
    ]);
    const socket = udpSockets(namespace).find(({ port }) => port === PORT);
    receiver.kill();
    assert.ok(socket !== undefined && socket.waiting > 0 && socket.drops > 0 && socket.drops < 100);
  });
});

describe('the requirements of a bench', { skip }, () => {
  /** The output of a process with an empty path. */
  function says(call: string, environment: NodeJS.ProcessEnv): string {
    const script = `import { ${call} } from ${JSON.stringify(REQUIREMENTS)}; process.stdout.write(String(${call}()));`;
    return command(
      ['env', '-i', ...Object.entries(environment).map(([name, value]) => `${name}=${value ?? ''}`)].concat([
        process.execPath,
        '--input-type=module',
        '-e',
        script,
      ]),
    );
  }

  test('are met here', () => assert.equal(lacking(), undefined));

  test('are named with their Debian packages as the reason to skip tests', () => {
    const reason = says('requirements', { PATH: '/nowhere' });
    assert.match(reason, /ip is not installed \(Debian: iproute2\); .*iperf3 is not installed \(Debian: iperf3\)/);
  });

  test('are no reason to skip tests in CI', () => {
    assert.equal(says('requirements', { PATH: '/nowhere', CI: 'true' }), 'undefined');
  });
});
