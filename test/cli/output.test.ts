/** Output files: who may read them, and what is left if the process is interrupted. */
import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fixture } from '../repository.js';
import { MAIN, scratch, vtep } from './run.js';

const ENCRYPTED = fixture('docker/07-encrypted.underlay.pcap');
const KEYS = fixture('docker/swarm-keys.txt');
const CLEAR = fixture('vxlan/01-icmp.underlay.pcap');
const root = scratch();
let count = 0;

function folder(): string {
  const made = join(root, String(count++));
  mkdirSync(made);
  return made;
}

function modeOf(path: string): number {
  return statSync(path).mode & 0o777;
}

async function done(words: readonly string[]): Promise<void> {
  const { status, stderr } = await vtep(words);
  assert.equal(status, 0, stderr);
}

describe('only the owner can read decrypted frames; other outputs follow the umask:', () => {
  const plain = join(folder(), 'plain');
  writeFileSync(plain, '');
  const usual = modeOf(plain);
  const CASES: readonly (readonly [words: readonly string[], out: string, mode: number])[] = [
    [['decap', CLEAR], '-o', usual],
    [['decap', ENCRYPTED, '--keys', KEYS], '-o', 0o600],
    [['replay', CLEAR], '--write-wire', usual],
    [['replay', ENCRYPTED, '--keys', KEYS], '--write-wire', 0o600],
  ];
  for (const [words, out, mode] of CASES) {
    test(`${words[0]} ${out}${words.includes('--keys') ? ' with keys' : ''}`, async () => {
      const path = join(folder(), 'out.pcap');
      await done([...words, out, path]);
      assert.equal(modeOf(path), mode);
    });
  }
});

describe('--esp-sa', () => {
  const espSa = async (path: string): Promise<void> => done(['inspect', ENCRYPTED, '--keys', KEYS, '--esp-sa', path]);

  test('is a new file, invisible to processes that have the old one open', async () => {
    const path = join(folder(), 'esp_sa');
    writeFileSync(path, '');
    chmodSync(path, 0o666);
    const held = openSync(path, 'r');
    await espSa(path);
    assert.equal(readSync(held, new Uint8Array(100)), 0);
    closeSync(held);
    assert.equal(modeOf(path), 0o600);
    assert.match(readFileSync(path, 'utf8'), /AES-GCM/);
  });

  test('is not written through a link', async () => {
    const where = folder();
    writeFileSync(join(where, 'victim'), 'precious');
    symlinkSync('victim', join(where, 'esp_sa'));
    await espSa(join(where, 'esp_sa'));
    assert.equal(readFileSync(join(where, 'victim'), 'utf8'), 'precious');
  });

  test('can not be standard output, which the report uses', async () => {
    const { status, stderr } = await vtep(['inspect', ENCRYPTED, '--keys', KEYS, '--esp-sa', '-']);
    assert.equal(status, 2);
    assert.match(stderr, /--esp-sa takes a file/);
  });
});

describe('an interrupted process', () => {
  const CONFIG = 'nodes: { n1: { vtep: 192.168.50.1 } }\nnetworks: { w: { vni: 4097 } }\n';

  /** Waits until an unfinished file exists. */
  async function begun(where: string, child: ChildProcessByStdio<Writable, null, Readable>): Promise<void> {
    for (;;) {
      if (readdirSync(where).some((name) => name.includes('.part-'))) return;
      assert.equal(child.exitCode, null, 'it ended by itself');
      await sleep(20);
    }
  }

  const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const [i, command] of ['encap', 'decap'].entries()) {
    for (const signal of i === 0 ? SIGNALS : SIGNALS.slice(0, 1)) {
      test(`${command} dies by ${signal}, and leaves no unfinished file`, { timeout: 120_000 }, async () => {
        const where = folder();
        const config = join(root, 'config.yaml');
        writeFileSync(config, CONFIG);
        const more = command === 'encap' ? ['--config', config, '--node', 'n1'] : [];
        const child = spawn(process.execPath, [MAIN, command, '-', '-o', join(where, 'out.pcap'), ...more], {
          stdio: ['pipe', 'ignore', 'pipe'],
        });
        // Its input lasts as long as the process.
        child.stdin.write(readFileSync(CLEAR));
        await begun(where, child);
        const ended = once(child, 'exit');
        child.kill(signal);
        assert.deepEqual(await ended, [null, signal]);
        assert.deepEqual(readdirSync(where), []);
      });
    }
  }
});
