/** Uniform in [0, 1), such as `Math.random` or a `seededRandom`. */
export type Random = () => number;

/** Uniform integer in [0, below). */
export function randomInteger(random: Random, below: number): number {
  return Math.floor(random() * below);
}

/** Fisher-Yates, in place. */
export function shuffle(items: unknown[], random: Random): void {
  for (let at = items.length - 1; at > 0; at -= 1) {
    const other = randomInteger(random, at + 1);
    const item = items[at];
    items[at] = items[other];
    items[other] = item;
  }
}

/** A generator that gives the same numbers for the same seed: Mulberry32. Not for keys or nonces. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
