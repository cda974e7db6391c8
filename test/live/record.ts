/** A record of sequence numbers, separate from the generator of arbitrary ones, which is slow to load. */
import type { SequenceRecord } from '../../src/ipsec/index.js';

export const RECORD: SequenceRecord = {
  key: '4f2a90c1d3e7',
  spi: 0x1f279ba7,
  source: '192.168.14.147',
  destination: '192.168.14.145',
  ivMask: { high: 0xfedcba98, low: 1 },
  sequence: { high: 0, low: 262_144 },
};
