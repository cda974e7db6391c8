/** Arbitrary records of sequence numbers. */
import fc from 'fast-check';
import type { SequenceRecord } from '../../src/ipsec/index.js';
import { formatIp } from '../../src/wire/index.js';

const word = fc.integer({ min: 0, max: 0xffffffff });
const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 });

/** Arbitrary valid lists of records. */
export const records: fc.Arbitrary<SequenceRecord[]> = fc.array(
  fc
    .tuple(fc.constantFrom(4 as const, 6 as const), bytes, word, word, word, word, word)
    .map(([family, addresses, ...words]): SequenceRecord => ({
      key: Buffer.from(addresses.subarray(0, 6)).toString('hex'),
      spi: Math.max(1, words[0]),
      source: formatIp(family, addresses),
      destination: formatIp(family, addresses.subarray(16)),
      ivMask: { high: words[1], low: words[2] },
      sequence: { high: words[3], low: words[4] },
    })),
  { maxLength: 20 },
);
