/**
 * AES-128-GCM a packet: every backend that works here, in batches of 64, beside what users would pick instead: a cipher
 * object of node:crypto for each packet, `openssl speed`, and Intel's library in a loop of C.
 *
 *     node dist/bench/aead.js
 */
import { spawnSync } from 'node:child_process';
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { AEAD_BACKENDS, type Aead, AeadBatch, chooseAead, NONCE_STRIDE } from '../src/aead/index.js';
import { VtepError } from '../src/error.js';
import { forgeBackend } from '../native-free/forge-aead.js';
import { CAPTURES, ROOT } from './captures.js';
import { machine, median, printTable } from './machine.js';

const SIZES = [64, 256, 576, 1400, 8900] as const;
const BATCH = 64;
const ROUNDS = 9;
const ICV = 16;
const AAD = 8;
/** Time that a round of one row takes, about. */
const ROUND_NANOSECONDS = 60e6;
const KEY = Uint8Array.from({ length: 16 }, (_, i) => i * 11);
/** Slots as far apart as an arena's, so that caches are used as they will be. */
const HEADROOM = 128;

interface Row {
  readonly name: string;
  readonly seal: () => void;
  readonly open: () => void;
  /** Puts sealed packets back, since opening in place leaves none. */
  readonly restore: () => void;
}

function makeBatch(bytes: number): AeadBatch {
  const slot = Math.ceil((HEADROOM + bytes + ICV) / 256) * 256;
  const batch = new AeadBatch(BATCH);
  batch.bytes = Uint8Array.from({ length: BATCH * slot }, (_, i) => i * 7);
  batch.count = BATCH;
  for (let i = 0; i < BATCH; i++) {
    batch.offset[i] = i * slot + HEADROOM;
    batch.length[i] = bytes;
    batch.icvOffset[i] = batch.offset[i] + bytes;
    batch.icvLength[i] = ICV;
    batch.aadLength[i] = AAD;
    batch.nonce[i * NONCE_STRIDE] = i;
  }
  return batch;
}

function backendRow(aead: Aead, bytes: number): Row {
  const batch = makeBatch(bytes);
  batch.key.fill(aead.addKey(KEY));
  aead.seal(batch);
  const sealed = batch.bytes.slice();
  return {
    name: aead.name,
    seal: () => aead.seal(batch),
    open: () => {
      aead.open(batch);
      if (batch.verified[BATCH - 1] !== 1) throw new Error(`${aead.name} refuses what it sealed`);
    },
    restore: () => batch.bytes.set(sealed),
  };
}

/** As it is usually written: nothing in place, nothing copied back. */
function cipherObjectRow(bytes: number): Row {
  const batch = makeBatch(bytes);
  const sealed: [Buffer, Buffer][] = [];
  const nonceOf = (i: number): Uint8Array => batch.nonce.subarray(i * NONCE_STRIDE, i * NONCE_STRIDE + 12);
  const aadOf = (i: number): Uint8Array => batch.aad.subarray(i * batch.aadStride, i * batch.aadStride + AAD);
  const plain = (i: number): Uint8Array => batch.bytes.subarray(batch.offset[i], batch.offset[i] + bytes);
  const seal = (): void => {
    for (let i = 0; i < BATCH; i++) {
      const cipher = createCipheriv('aes-128-gcm', KEY, nonceOf(i));
      cipher.setAAD(aadOf(i));
      const text = cipher.update(plain(i));
      cipher.final();
      sealed[i] = [text, cipher.getAuthTag()];
    }
  };
  seal();
  const open = (): void => {
    for (let i = 0; i < BATCH; i++) {
      const decipher = createDecipheriv('aes-128-gcm', KEY, nonceOf(i));
      decipher.setAAD(aadOf(i));
      decipher.setAuthTag(sealed[i][1]);
      decipher.update(sealed[i][0]);
      decipher.final();
    }
  };
  return { name: 'createCipheriv a packet', seal, open, restore: () => undefined };
}

/** Nanoseconds a packet, for about as long as a round takes. */
function time(call: () => void, before: () => void, batches: number): number {
  let total = 0n;
  for (let i = 0; i < batches; i++) {
    before();
    const start = process.hrtime.bigint();
    call();
    total += process.hrtime.bigint() - start;
  }
  return Number(total) / batches / BATCH;
}

function measure(rows: readonly Row[]): Map<string, { seal: number; open: number }> {
  const found = new Map(rows.map(({ name }) => [name, { seal: [] as number[], open: [] as number[], batches: 1 }]));
  for (let round = -1; round < ROUNDS; round++) {
    // Round by round, so that a slow moment of the machine meets all alike; the first says how many batches make one.
    for (const row of rows) {
      const kept = found.get(row.name);
      if (kept === undefined) continue;
      const seal = time(row.seal, () => undefined, kept.batches);
      row.restore();
      const open = time(row.open, row.restore, kept.batches);
      if (round < 0) kept.batches = Math.max(1, Math.round(ROUND_NANOSECONDS / BATCH / (seal + open)));
      else {
        kept.seal.push(seal);
        kept.open.push(open);
      }
      row.restore();
    }
  }
  return new Map([...found].map(([name, { seal, open }]) => [name, { seal: median(seal), open: median(open) }]));
}

/** What `openssl speed` reaches, in nanoseconds a packet: one long run over the same bytes, no nonce, no tag. */
function opensslSpeed(bytes: number): number | undefined {
  const words = ['speed', '-elapsed', '-seconds', '1', '-bytes', String(bytes), '-evp', 'aes-128-gcm', '-mr'];
  const call = spawnSync('openssl', words);
  const match = /^\+F:\d+:AES-128-GCM:([0-9.]+)/im.exec(call.stdout.toString());
  return match === null ? undefined : (bytes / Number(match[1])) * 1e9;
}

/** The loop of C, built if there is a compiler and the library's header. */
function buildLoop(): string | undefined {
  mkdirSync(CAPTURES, { recursive: true });
  const program = join(CAPTURES, 'ipsec-mb');
  const source = join(ROOT, 'bench/peers/ipsec-mb/main.c');
  const built = spawnSync('cc', ['-O2', source, '-o', program, '-lIPSec_MB'], { stdio: 'ignore' });
  return built.status === 0 ? program : undefined;
}

function loopOfC(program: string | undefined, bytes: number): [number, number] | undefined {
  if (program === undefined) return undefined;
  const [seal, open] = spawnSync(program, [String(bytes)])
    .stdout.toString()
    .trim()
    .split(' ')
    .map(Number);
  return [seal, open];
}

function workingBackends(): Aead[] {
  const backends = [...AEAD_BACKENDS, forgeBackend];
  return backends.flatMap(({ name }) => {
    try {
      return [chooseAead(name, backends).aead];
    } catch (error) {
      if (!(error instanceof VtepError)) throw error;
      process.stdout.write(`${name}: not measured, ${error.message}\n`);
      return [];
    }
  });
}

process.stdout.write(`${machine()}\n`);
const aeads = workingBackends();
const program = buildLoop();
if (program === undefined) {
  process.stdout.write('ipsec-mb in a loop of C: not measured (Debian: gcc libipsec-mb-dev)\n');
}
for (const bytes of SIZES) {
  const base = cipherObjectRow(bytes);
  const times = measure([base, ...aeads.map((aead) => backendRow(aead, bytes))]);
  const loop = loopOfC(program, bytes);
  const speed = opensslSpeed(bytes);
  const baseline = times.get(base.name);
  if (baseline === undefined) throw new Error('the baseline was not measured');
  const cells = (name: string, seal: number, open: number | undefined): string[] => [
    name,
    seal.toFixed(0),
    ((bytes * 8) / seal).toFixed(2),
    (baseline.seal / seal).toFixed(1),
    open === undefined ? '' : open.toFixed(0),
    open === undefined ? '' : (baseline.open / open).toFixed(1),
  ];
  const rows = [...times].map(([name, { seal, open }]) => cells(name, seal, open));
  if (loop !== undefined) rows.push(cells('ipsec-mb in a loop of C', ...loop));
  if (speed !== undefined) rows.push(cells('openssl speed', speed, undefined));
  process.stdout.write('\n');
  printTable([`AES-128-GCM, ${bytes} bytes`, 'seal ns', 'Gbit/s', 'x', 'open ns', 'x'], rows);
}
