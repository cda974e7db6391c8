/** What a run has in the queue, sealed. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Kek } from '../../../src/fleet/index.js';
import {
  openedPieces,
  PIECE_LENGTH,
  RunSeal,
  SEAL_OVERHEAD,
  sealedPieces,
} from '../../../src/fleet/captures/run-seal.js';

const KEK = Kek.fromText('0123456789abcdef'.repeat(4), 'the key');
const OTHER = Kek.fromText('fedcba9876543210'.repeat(4), 'the key');

async function* piecesOf(...pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* await Promise.resolve(pieces);
}

async function joined(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

/** Bytes of a number of whole pieces and a rest. */
function content(wholes: number, rest: number): Uint8Array {
  return Uint8Array.from({ length: wholes * PIECE_LENGTH + rest }, (_, i) => i % 251);
}

describe('a sealed run', () => {
  test('is opened with the key that sealed it, in the context that it was sealed in', () => {
    const seal = RunSeal.create();
    const opened = RunSeal.open('run-1', seal.sealedFor('run-1', KEK), KEK);
    const plain = new TextEncoder().encode('what a job says');
    assert.deepEqual(opened.open('job 3', seal.seal('job 3', plain)), Buffer.from(plain));
    assert.throws(() => opened.open('job 4', seal.seal('job 3', plain)), { code: 'SEALED' });
    assert.throws(() => RunSeal.create().open('job 3', seal.seal('job 3', plain)), { code: 'SEALED' });
    assert.throws(() => RunSeal.open('run-2', seal.sealedFor('run-1', KEK), KEK), { code: 'SEALED' });
    assert.throws(() => RunSeal.open('run-1', seal.sealedFor('run-1', KEK), OTHER), { code: 'SEALED' });
  });

  test('shows nothing of what is in it, and no two messages are the same', () => {
    const seal = RunSeal.create();
    const plain = new TextEncoder().encode('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa');
    const [one, two] = [seal.seal('x', plain), seal.seal('x', plain)];
    assert.equal(Buffer.from(one).includes('aaaa'), false);
    assert.notDeepEqual(one, two);
  });

  test('is refused if any of its bytes was changed', () => {
    const seal = RunSeal.create();
    const sealed = seal.seal('x', Uint8Array.of(1, 2, 3));
    for (let i = 0; i < sealed.length; i++) {
      const changed = sealed.slice();
      changed[i] ^= 1;
      assert.throws(() => seal.open('x', changed), { code: 'SEALED' }, `byte ${i}`);
      assert.throws(() => seal.open('x', sealed.subarray(0, i)), { code: 'SEALED' }, `length ${i}`);
    }
  });

  test('files of any length come back as they were', async () => {
    const seal = RunSeal.create();
    for (const plain of [content(0, 0), content(0, 1), content(1, 0), content(2, 5), content(3, 0)]) {
      const [head, tail] = [plain.slice(0, 7), plain.slice(7)];
      const opened = await joined(openedPieces(seal, 'f', sealedPieces(seal, 'f', piecesOf(head, tail))));
      assert.ok(opened.equals(plain), `${plain.length} bytes`);
    }
  });

  test('files are refused if pieces were swapped, left out or added, or it is another file', async () => {
    const seal = RunSeal.create();
    const sealed = await joined(sealedPieces(seal, 'f', piecesOf(content(2, 5))));
    const length = PIECE_LENGTH + SEAL_OVERHEAD;
    const [one, two, last] = [
      sealed.subarray(0, length),
      sealed.subarray(length, 2 * length),
      sealed.subarray(2 * length),
    ];
    const attempts = [[two, one, last], [one, two], [one, last], [one, two, two, last], [one, two, last, last], []];
    for (const pieces of attempts) {
      await assert.rejects(joined(openedPieces(seal, 'f', piecesOf(...pieces))), { code: 'SEALED' });
    }
    await assert.rejects(joined(openedPieces(seal, 'g', piecesOf(sealed))), { code: 'SEALED' });
  });
});
