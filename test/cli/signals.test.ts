/** Commands that read captures die by a signal and leave no partial output. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fixture, ROOT } from '../repository.js';
import { MAIN, scratch } from './run.js';

const PATIENCE_MS = 60_000;
const PCAP_HEADER = 24;

const folder = scratch();
const RING = fixture('docker/swarm-keys.txt');
const config = join(folder, 'overlay.yaml');
writeFileSync(
  config,
  `nodes: { n1: { vtep: 192.168.50.1 }, n2: { vtep: 192.168.50.2 } }
networks: { web: { vni: 4097, subnet: 10.0.9.0/24 } }
endpoints:
  c1: { network: web, node: n1, ip: 10.0.9.3 }
  c2: { network: web, node: n2, ip: 10.0.9.4 }
`,
);

/** A capture that repeats the packets of another one. */
function repeated(path: string, times: number): Buffer {
  const bytes = readFileSync(fixture(path));
  const records = bytes.subarray(PCAP_HEADER);
  return Buffer.concat([bytes.subarray(0, PCAP_HEADER), ...Array<Buffer>(times).fill(records)]);
}

const large = join(folder, 'large.pcap');
writeFileSync(large, repeated('docker/07-encrypted.underlay.pcap', 100));
const underlay = repeated('docker/03-vip-http.underlay.pcap', 20);
const frames = repeated('vxlan/01-icmp.c1.pcap', 200);

interface Call {
  readonly words: readonly string[];
  /** What standard input provides before it stalls. */
  readonly input?: Buffer;
  /** Whether it creates a file in the given directory. */
  readonly makes: boolean;
}

/** @param out directory of the output */
function calls(out: string): Record<string, Call> {
  const file = join(out, 'out.pcap');
  return {
    // The slowest cipher needs minutes for this file.
    'decap of a file': { words: ['decap', large, '--aead', 'forge', '--keys', RING, '-o', file], makes: true },
    'decap of a pipe': { words: ['decap', '-', '-o', file], input: underlay, makes: true },
    'encap of a pipe': {
      words: ['encap', '-', '--config', config, '--node', 'n1', '-o', file],
      input: frames,
      makes: true,
    },
    'replay of a pipe, with the wire': {
      words: ['replay', '-', '--config', config, '--write-wire', file],
      input: underlay,
      makes: true,
    },
    'inspect of a pipe': { words: ['inspect', '-', '--json'], input: underlay, makes: false },
    'keys match of a pipe': { words: ['keys', 'match', '-', '--ring', RING], input: underlay, makes: false },
    'keys timeline of a pipe': { words: ['keys', 'timeline', '-'], input: underlay, makes: false },
  };
}

/** More than Node reads to start. */
const READ_BYTES = 50e6;

/** Whether a process has read half a megabyte of the large capture, or of anything so much that it reads captures. */
function reads(pid: number): boolean {
  const total = /^rchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1] ?? 0;
  if (Number(total) > READ_BYTES) return true;
  return readdirSync(`/proc/${pid}/fd`).some((number) => {
    try {
      if (readlinkSync(`/proc/${pid}/fd/${number}`) !== large) return false;
      return Number(/^pos:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/fdinfo/${number}`, 'utf8'))?.[1]) > 5e5;
    } catch {
      return false;
    }
  });
}

/** Waits until a process has any file of a directory open, or none. */
async function opened(child: ChildProcess, out: string): Promise<void> {
  const open = `/proc/${child.pid ?? 0}/fd`;
  const holds = (): boolean =>
    readdirSync(open).some((number) => {
      try {
        return readlinkSync(join(open, number)).startsWith(out);
      } catch {
        return false;
      }
    });
  const until = Date.now() + PATIENCE_MS;
  while (!holds()) {
    assert.ok(Date.now() < until && child.exitCode === null, 'it opened no output');
    await sleep(20);
  }
}

describe('a signal ends', { skip: process.platform === 'linux' ? false : 'it looks into /proc' }, () => {
  for (const [name, { makes }] of Object.entries(calls(''))) {
    for (const signal of makes ? (['SIGINT', 'SIGTERM', 'SIGHUP'] as const) : (['SIGTERM'] as const)) {
      test(`${name}: ${signal}`, { timeout: 2 * PATIENCE_MS }, async () => {
        const out = mkdtempSync(join(folder, 'out-'));
        const { words, input } = calls(out)[name];
        const child = spawn(process.execPath, [MAIN, ...words], { cwd: ROOT, stdio: ['pipe', 'pipe', 'pipe'] });
        try {
          let printed = '';
          child.stdout.on('data', (text: Buffer) => void (printed += text.toString()));
          child.stderr.resume();
          const ended = new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
            child.once('close', (code, by) => {
              resolve([code, by]);
            });
          });
          if (input !== undefined) {
            child.stdin.on('error', () => undefined);
            // Once the pipe accepts the last byte, nearly everything has been read and the process waits for more.
            await new Promise<unknown>((resolve) => child.stdin.write(input, resolve));
          }
          if (makes) await opened(child, out);
          child.kill(signal);
          assert.deepEqual(await ended, [null, signal]);
          assert.equal(printed, '');
          assert.deepEqual(readdirSync(out), []);
        } finally {
          child.kill('SIGKILL');
        }
      });
    }
  }
});

describe('Ctrl-C ends the reading of', { skip: process.platform === 'linux' ? false : 'it looks into /proc' }, () => {
  for (const [name, words, report] of [
    ['inspect', ['inspect', large, '--aead', 'forge', '--keys', RING], /^Networks$/m],
    ['inspect of a stalled pipe', ['inspect', '-'], /^Networks$/m],
    ['keys match', ['keys', 'match', large, '--aead', 'forge', '--ring', RING], /packets decrypt with its keys/],
    ['keys timeline of a stalled pipe', ['keys', 'timeline', '-'], /no ESP/],
    [
      'replay, in any loop',
      ['replay', fixture('docker/03-vip-http.underlay.pcap'), '--loops', '1000000'],
      /intact +\d/,
    ],
  ] as const) {
    test(`${name}: it prints what it has read, and dies by the signal`, { timeout: 2 * PATIENCE_MS }, async () => {
      const env = { ...process.env, COLUMNS: '200' };
      const child = spawn(process.execPath, [MAIN, ...words], { cwd: ROOT, stdio: ['pipe', 'pipe', 'pipe'], env });
      try {
        const written = { stdout: '', stderr: '' };
        child.stdout.on('data', (text: Buffer) => void (written.stdout += text.toString()));
        child.stderr.on('data', (text: Buffer) => void (written.stderr += text.toString()));
        const ended = once(child, 'close');
        child.stdin.on('error', () => undefined);
        if (words.at(-1) === '-') {
          // Once the pipe accepts the last byte, nearly everything has been read.
          await new Promise<unknown>((resolve) => child.stdin.write(underlay, resolve));
        } else {
          while (!reads(child.pid ?? 0)) await sleep(20);
        }
        child.kill('SIGINT');
        assert.deepEqual(await ended, [null, 'SIGINT']);
        assert.match(written.stderr, /^vtep: .*: interrupted at (loop [\d,]+ of 1,000,000, )?packet [\d,]+$/m);
        assert.match(written.stdout, report);
      } finally {
        child.kill('SIGKILL');
      }
    });
  }

  test('inspect --json: nothing is printed, since programs expect all of it', async () => {
    const words = ['inspect', large, '--aead', 'forge', '--keys', RING, '--json'];
    const child = spawn(process.execPath, [MAIN, ...words], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    let printed = '';
    child.stdout.on('data', (text: Buffer) => void (printed += text.toString()));
    const ended = once(child, 'close');
    while (!reads(child.pid ?? 0)) await sleep(20);
    child.kill('SIGINT');
    assert.deepEqual(await ended, [null, 'SIGINT']);
    assert.equal(printed, '');
  });
});
