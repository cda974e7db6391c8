/**
 * AES-128-GCM with every available backend, in batches of 64, without the rest of the data plane; its peers are in
 * bench/peers/.
 *
 *     node dist/bench/aead.js
 */
import { AEAD_BACKENDS, type Aead, AeadBatch, chooseAead, NONCE_STRIDE } from '../src/aead/index.js';
import { VtepError } from '../src/error.js';
import { forgeBackend } from '../native-free/forge-aead.js';
import { machine, median, printTable, spread } from './machine.js';
import { encryptedBytes } from './peers/frame-sizes.js';

const SIZES = [64, 256, 594, 1400, 8900] as const;
const BATCH = 64;
const ROUNDS = 9;
/** As in Swarm. */
const ICV = 8;
const AAD = 8;
/** Approximate duration of one round of a row. */
const ROUND_NANOSECONDS = 60e6;
const KEY = Uint8Array.from({ length: 16 }, (_, i) => i * 11);
/** Slots as far apart as an arena's, for realistic cache use. */
const HEADROOM = 128;

interface Row {
  readonly name: string;
  readonly seal: () => void;
  readonly open: () => void;
  /** Restores sealed packets, since opening in place consumes them. */
  readonly restore: () => void;
}

interface Times {
  readonly seal: number[];
  readonly open: number[];
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

/** Nanoseconds per packet, measured over about one round. */
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

function measure(rows: readonly Row[]): Times[] {
  const found = rows.map((): Times => ({ seal: [], open: [] }));
  const batches = rows.map(() => 1);
  for (let round = -1; round < ROUNDS; round++) {
    // Interleave the rows, so that a slow phase of the machine affects all alike; the first round sets the number of
    // batches.
    for (const [i, row] of rows.entries()) {
      const seal = time(row.seal, () => undefined, batches[i]);
      row.restore();
      const open = time(row.open, row.restore, batches[i]);
      row.restore();
      if (round < 0) batches[i] = Math.max(1, Math.round(ROUND_NANOSECONDS / BATCH / (seal + open)));
      else {
        found[i].seal.push(seal);
        found[i].open.push(open);
      }
    }
  }
  return found;
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
for (const frameBytes of SIZES) {
  const rows = aeads.map((aead) => backendRow(aead, encryptedBytes(frameBytes)));
  const times = measure(rows);
  process.stdout.write('\n');
  printTable(
    [`frames of ${frameBytes} bytes`, 'seal ns', 'Gbit/s', 'spread %', 'open ns', 'spread %'],
    rows.map(({ name }, i) => {
      const seal = median(times[i].seal);
      return [
        name,
        seal.toFixed(0),
        ((frameBytes * 8) / seal).toFixed(2),
        spread(times[i].seal).toFixed(0),
        median(times[i].open).toFixed(0),
        spread(times[i].open).toFixed(0),
      ];
    }),
  );
}
