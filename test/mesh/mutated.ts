/** Bytes as an attacker, or a bad line, might make them of others. */
import type { SeededRandom } from '../../src/replay/random.js';

/** A copy with a few bytes changed, cut out, repeated or cut off. */
export function mutated(bytes: Uint8Array, random: SeededRandom): Buffer {
  let result = Buffer.from(bytes);
  for (let left = 1 + random.below(3); left > 0; left--) {
    const at = random.below(result.length + 1);
    const length = random.below(16);
    switch (random.below(5)) {
      case 0:
        if (at < result.length) result[at] = random.below(256);
        break;
      case 1:
        if (at < result.length) result[at] ^= 1 << random.below(8);
        break;
      case 2:
        result = Buffer.concat([result.subarray(0, at), result.subarray(at + length)]);
        break;
      case 3:
        result = Buffer.concat([result.subarray(0, at + length), result.subarray(at)]);
        break;
      default:
        result = result.subarray(0, at);
    }
  }
  return result;
}
