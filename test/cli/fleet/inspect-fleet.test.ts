/** `vtep inspect --fleet` with a real server and workers that are processes. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspectProcess } from '../../../bench/fleet/captures/inspect-process.js';
import { rotatedCapture } from '../../../bench/fleet/captures/rotated-capture.js';
import { WorkerProcess } from '../../../bench/fleet/captures/worker-process.js';
import { NatsQueue } from '../../../src/fleet/index.js';
import { splitCapture } from '../../fleet/captures/split-capture.js';
import { NatsServer } from '../../fleet/store/nats-server.js';
import { fixture, missing } from '../../repository.js';
import { MAIN, scratch, vtep } from '../run.js';

const skip = process.platform === 'linux' ? missing('nats-server') : 'needs Linux';
const folder = scratch();

/** A queue whose jobs go to another worker after a second without a word; that is up to who makes it. */
async function startQueue(): Promise<{ server: NatsServer; address: string }> {
  const server = await NatsServer.start();
  const address = `${server.address}/web`;
  const queue = await NatsQueue.open(address, { ackWait: 1000 });
  await queue.close();
  return { server, address };
}

function kekFile(): string {
  const path = join(folder, 'kek.txt');
  writeFileSync(path, randomBytes(32).toString('hex'), { mode: 0o600 });
  return path;
}

/** The recording with ESP in 5 files. */
function encrypted(): string[] {
  return splitCapture(readFileSync(fixture('docker/07-encrypted.underlay.pcap')), 5).map((bytes, i) => {
    const path = join(folder, `esp_${i}.pcap`);
    writeFileSync(path, bytes);
    return path;
  });
}

/** Everything that a server has on disk. */
function stored(server: NatsServer): Buffer {
  const files = readdirSync(server.path('store'), { recursive: true, withFileTypes: true }).filter((f) => f.isFile());
  const contents = files.map(({ parentPath, name }) => {
    try {
      return readFileSync(join(parentPath, name));
    } catch {
      // The server removed it meanwhile.
      return Buffer.alloc(0);
    }
  });
  return Buffer.concat(contents);
}

test('40 files and four workers, one of them killed with -9 at work: the bytes of one process', { skip }, async () => {
  const { paths, fragmentCuts } = rotatedCapture(folder, 20e6, 40);
  assert.equal(paths.length, 40);
  assert.ok(fragmentCuts >= 15);
  const { server, address } = await startQueue();
  const workers: WorkerProcess[] = [];
  try {
    const single = await vtep(['inspect', ...paths, '--flows', '--json']);
    workers.push(await WorkerProcess.start(address));
    const asked = inspectProcess(paths, ['--flows', '--fleet', address]);
    // The others come when it has a job.
    await workers[0].stopAtWork();
    workers.push(...(await Promise.all([1, 2, 3].map(() => WorkerProcess.start(address)))));
    await workers[0].kill('SIGKILL');
    const fleet = await asked;
    assert.equal(fleet.status, 0, fleet.stderr);
    assert.ok(fleet.stdout.equals(Buffer.from(single.stdout)));
    // It would say so if it had read the captures itself.
    assert.deepEqual([fleet.stderr, single.stderr], ['', '']);
    await Promise.all(workers.slice(1).map((worker) => worker.kill('SIGTERM')));
    for (const { exitCode, lines } of workers.slice(1)) {
      assert.equal(exitCode, 0);
      assert.match(lines.at(-1) ?? '', /^vtep: \d+ jobs? done, 0 failed, 0 given back$/);
    }
    assert.ok(!stored(server).includes('vtep.runs.web.captures-'), 'the run is left on the server');
  } finally {
    await Promise.all(workers.map((worker) => worker.kill('SIGKILL')));
    await server.close();
  }
});

test('keys go to workers only sealed, and Ctrl-C leaves nothing in the queue', { skip }, async () => {
  const keysFile = fixture('docker/07-encrypted.xfrm.txt');
  const keys = [...new Set(readFileSync(keysFile, 'utf8').match(/0x[0-9a-f]{32,}/g))].map((hex) => hex.slice(2, 34));
  assert.ok(keys.length > 0);
  const paths = encrypted();
  const inspect = ['inspect', ...paths, '--json', '--keys', keysFile];
  const { server, address } = await startQueue();
  const workers: WorkerProcess[] = [];
  let asking: ChildProcess | undefined;
  try {
    const clear = await vtep([...inspect, '--fleet', address]);
    assert.deepEqual(clear, {
      status: 2,
      stdout: '',
      stderr:
        'vtep: --keys with --fleet needs --kek FILE (or VTEP_KEK), which the workers have too: no key goes into a queue in ' +
        'clear\n',
    });
    const sealing = ['--kek', kekFile()];
    const sealed = [...sealing, '--fleet', address];
    asking = spawn(process.execPath, [MAIN, ...inspect, ...sealed], { stdio: 'ignore' });
    const jobs = (): number =>
      stored(server)
        .toString('latin1')
        .match(/vtep\.jobs\.web\.captures-[\w-]+\.\d/g)?.length ?? 0;
    while (jobs() < paths.length) {
      assert.equal(asking.exitCode, null);
      await sleep(20);
    }
    const there = stored(server);
    for (const key of keys) {
      assert.ok(!there.includes(key), 'a key in hexadecimal');
      assert.ok(!there.includes(Buffer.from(key, 'hex')), 'a key');
      assert.ok(!there.includes(Buffer.from(key, 'hex').toString('base64').slice(0, 20)), 'a key in base64');
    }
    assert.ok(!there.includes(readFileSync(paths[0]).subarray(100, 164)), 'packets');
    asking.kill('SIGINT');
    assert.deepEqual(await once(asking, 'exit'), [null, 'SIGINT']);
    assert.ok(!stored(server).includes('captures-'), 'the run is left on the server');

    workers.push(await WorkerProcess.start(address, sealing));
    const fleet = await inspectProcess(paths, ['--keys', keysFile, ...sealed]);
    assert.equal(fleet.status, 0, fleet.stderr);
    assert.equal(fleet.stdout.toString(), (await vtep(inspect)).stdout);
  } finally {
    asking?.kill('SIGKILL');
    await Promise.all(workers.map((worker) => worker.kill('SIGKILL')));
    await server.close();
  }
});

test('--workers 2 prints the bytes of one thread for several files, with keys too', async () => {
  const paths = encrypted();
  for (const options of [[], ['--flows', '--keys', fixture('docker/07-encrypted.xfrm.txt')]]) {
    const words = ['inspect', ...paths, '--json', ...options];
    assert.deepEqual(await vtep([...words, '--workers', '2']), await vtep(words));
  }
});

test('--workers 2 refuses keys that can be read only once', () => {
  const script = '"$0" "$1" inspect "$3" "$4" --workers 2 --keys <(cat "$2")';
  const keys = fixture('docker/07-encrypted.xfrm.txt');
  const words = ['-c', script, process.execPath, MAIN, keys, ...encrypted().slice(0, 2)];
  const { status, stderr } = spawnSync('bash', words, { encoding: 'utf8' });
  assert.equal(status, 2);
  assert.match(
    stderr,
    /^vtep: "[^"]+" can be read only once: with --workers or --fleet, keys must be in regular files\n$/,
  );
});

test('--fleet refuses what is not a regular file before it reads it', async () => {
  const to = ['--fleet', 'nats://127.0.0.1:9/web'];
  for (const [path, name] of [
    ['-', 'standard input'],
    [folder, `"${folder}"`],
  ]) {
    const { status, stderr } = await vtep(['inspect', path, ...to]);
    assert.equal(status, 2);
    assert.equal(stderr, `vtep: ${name} is not a regular file, which --fleet needs\n`);
  }
});
