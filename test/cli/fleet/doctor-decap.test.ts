/** `doctor` and `decap` with `--fleet`: a worker in a process of its own, and a real server between them. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { splitCapture } from '../../capture/split-capture.js';
import { NatsServer } from '../../fleet/store/nats-server.js';
import { fixture, missing } from '../../repository.js';
import { MAIN, scratch, vtep } from '../run.js';

const skip = missing('nats-server');
const ENCRYPTED = fixture('docker/07-encrypted.underlay.pcap');
const RING = fixture('docker/swarm-keys.txt');
const REPLAYED = fixture('esp/01-esp-docker-aes128-icv64.underlay.pcap');
const WINDOWED = fixture('esp/01-esp-docker-aes128-icv64.xfrm.txt');
const FRAGMENTS = fixture('esp/09-esp-frag-1500.underlay.pcap');

const folder = scratch();
let server: NatsServer;
let worker: ChildProcess | undefined;
let address: string;
const kek = join(folder, 'kek.txt');

/** Starts a worker, and waits until it takes jobs. */
async function startWorker(): Promise<ChildProcess> {
  const words = ['worker', '--fleet', address, '--kek', kek, '--jobs', '2', '--root', folder];
  const child = spawn(process.execPath, [MAIN, ...words], { stdio: ['ignore', 'ignore', 'pipe'] });
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    lines.push(line);
    if (line.includes('waiting for jobs')) break;
  }
  child.stderr.resume();
  assert.ok(lines.at(-1)?.includes('waiting for jobs'), lines.join('\n'));
  return child;
}

/** Writes a capture as files that follow each other. */
function ring(name: string, path: string, cuts: readonly number[]): string[] {
  return splitCapture(readFileSync(path), cuts).map((bytes, i) => {
    const part = join(folder, `${name}_0000${i + 1}.pcap`);
    writeFileSync(part, bytes);
    return part;
  });
}

describe('with --fleet', { skip }, () => {
  before(async () => {
    writeFileSync(kek, randomBytes(32).toString('hex'), { mode: 0o600 });
    server = await NatsServer.start();
    address = `${server.address}/captures`;
    worker = await startWorker();
  });

  after(async () => {
    if (worker?.exitCode === null) {
      const exit = once(worker, 'exit');
      worker.kill('SIGTERM');
      await exit;
    }
    await server.close();
  });

  test('doctor says what it says without: rotated captures, uploaded and sealed with their keys, or on shared storage', async () => {
    const files = ring('encrypted', ENCRYPTED, [40]);
    const clear = ring('fragments', FRAGMENTS, [12, 16]);
    for (const [words, options] of [
      [
        [...files, RING, ...clear],
        ['--kek', kek],
      ],
      [clear, ['--kek', kek, '--shared-paths']],
    ]) {
      const here = await vtep(['doctor', ...words, '--json']);
      assert.deepEqual(await vtep(['doctor', ...words, '--json', '--fleet', address, ...options]), here);
    }
  });

  test('decap writes what it writes without: frames, the report, and SAs that are derived from a key ring', async () => {
    const [one, two, sas] = ['one.pcapng', 'two.pcapng', 'sas'].map((name) => join(folder, name));
    const files = ring('wire', ENCRYPTED, [40, 90]);
    for (const options of [[], ['--shared-paths']]) {
      const words = ['decap', ...files, '--keys', RING, '--json', '--esp-sa', sas];
      const here = await vtep([...words, '-o', one]);
      const associations = readFileSync(sas);
      const { stdout, stderr } = await vtep([...words, '-o', two, '--fleet', address, '--kek', kek, ...options]);
      assert.deepEqual([stdout.replaceAll(two, one), stderr], [here.stdout, here.stderr]);
      assert.ok(readFileSync(two).equals(readFileSync(one)));
      assert.ok(readFileSync(sas).equals(associations));
    }
  });

  test('decap reads captures itself if their parts cannot be merged, and says so', async () => {
    const [one, two] = ['replayed-one.pcap', 'replayed-two.pcap'].map((name) => join(folder, name));
    const keys = join(folder, 'windowed.txt');
    writeFileSync(keys, readFileSync(WINDOWED, 'utf8').replaceAll('replay-window 0', 'replay-window 32'));
    const files = ['again_00001.pcap', 'again_00002.pcap'].map((name) => join(folder, name));
    for (const path of files) writeFileSync(path, readFileSync(REPLAYED));
    const words = ['decap', ...files, '--keys', keys, '--json', '-o'];
    const here = await vtep([...words, one]);
    const { stdout, stderr } = await vtep([...words, two, '--fleet', address, '--kek', kek]);
    assert.match(stderr, /can't be merged exactly/);
    assert.equal(stdout.replaceAll(two, one), here.stdout);
    assert.ok(readFileSync(two).equals(readFileSync(one)));
  });
});

describe('decap with jobs', () => {
  for (const [words, message] of [
    [['-', '--fleet', 'nats://127.0.0.1:1/x', '-o', join(folder, 'out.pcap')], /--fleet needs regular files/],
    [[FRAGMENTS, '--fleet', 'nats://127.0.0.1:1/x', '-o', '-'], /--fleet needs a regular file as output/],
    [[FRAGMENTS, ENCRYPTED, '--workers', '2', '-o', '/dev/null'], /--workers needs a regular file as output/],
    [[FRAGMENTS, '--shared-paths', '-o', join(folder, 'out.pcap')], /--shared-paths needs --fleet/],
  ] as const) {
    test(`refuses ${words
      .slice(0, -2)
      .join(' ')
      .replaceAll(folder, '')
      .replaceAll(/[^ ]*\//g, '')}`, async () => {
      const { status, stderr } = await vtep(['decap', ...words]);
      assert.equal(status, 2);
      assert.match(stderr, message);
    });
  }

  test('threads write what one pass writes', async () => {
    const [one, two] = ['thread-one.pcap', 'thread-two.pcap'].map((name) => join(folder, name));
    const words = ['decap', ...ring('threads', FRAGMENTS, [7, 12]), '--json', '-o'];
    const here = await vtep([...words, one]);
    const shared = await vtep([...words, two, '--workers', '2']);
    assert.deepEqual({ ...shared, stdout: shared.stdout.replaceAll(two, one) }, here);
    assert.ok(readFileSync(two).equals(readFileSync(one)));
  });
});
