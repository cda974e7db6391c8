/** Did-you-mean suggestions for a mistyped name. */

/** Longer words aren't compared: they aren't typos of a name, and may be keys. */
const MAX_LENGTH = 40;
/** Suggestions offered for an ambiguous abbreviation. */
const MAX_SUGGESTIONS = 4;

/** Edit distance with transpositions counted as one edit (optimal string alignment). */
function distance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      row[j] = Math.min(row[j - 1] + 1, last[j] + 1, last[j - 1] + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        row[j] = Math.min(row[j], beforeLast[j - 2] + 1);
      }
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length];
}

/** Letters only, in lower case: `clampMSS` is `--clamp-mss`. */
function letters(word: string): string {
  return word.toLowerCase().replace(/[^a-z0-9]/g, '');
}

/**
 * The names that a word may stand for: those that it abbreviates, or else the closest ones, at most about a third of
 * the letters away.
 * @param word what was typed; never part of the result
 * @param names the valid names
 */
export function similar(word: string, names: readonly string[]): readonly string[] {
  const typed = letters(word);
  if (typed === '' || typed.length > MAX_LENGTH) return [];
  const abbreviated = typed.length < 2 ? [] : names.filter((name) => letters(name).startsWith(typed));
  if (abbreviated.length > 0) return abbreviated.slice(0, MAX_SUGGESTIONS);
  let nearest = Math.max(1, Math.floor(typed.length / 3)) + 1;
  let found: string[] = [];
  for (const name of names) {
    const steps = distance(typed, letters(name));
    // One letter has nothing in common with a one-letter name that differs.
    if (steps > nearest || steps >= Math.max(typed.length, letters(name).length)) continue;
    if (steps < nearest) found = [];
    else if (found.length === 0) continue;
    nearest = steps;
    found.push(name);
  }
  return found.slice(0, MAX_SUGGESTIONS);
}

/** A list in words: `a, b or c`. */
export function alternatives(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} or ${names[names.length - 1]}`;
}

/** The end of an error message: `; did you mean x?`, or nothing if no name is similar. */
export function didYouMean(word: string, names: readonly string[]): string {
  const found = similar(word, names);
  return found.length === 0 ? '' : `; did you mean ${alternatives(found)}?`;
}
