/** Which lines, kinds of traffic and wires a run measures. */
import { UsageError } from '../../src/cli/usage-error.js';
import { inQuotes } from '../../src/text/plain-text.js';
import { alternatives } from '../../src/text/suggestion.js';
import { type Line, OTHER_VTEP, REFERENCE, VTEP } from './lines.js';
import { Traffic } from './result.js';

/** The wires by name. */
const WIRES = { off: false, on: true } as const;
type Wire = keyof typeof WIRES;

/** What to measure. */
export interface Selection {
  readonly lines: readonly Line[];
  readonly traffic: readonly Traffic[];
  /** Whether the wire has offloads. */
  readonly wires: readonly boolean[];
}

/** A line's name without `>`, which shells take for a redirection. */
function plainName(name: string): string {
  return name.replaceAll('->', '-');
}

/** The names that match, or all if none was given. */
function chosen<T>(all: readonly T[], given: readonly string[], matches: (one: T, name: string) => boolean): T[] {
  const found = all.filter((one) => given.some((name) => matches(one, name)));
  return found.length === 0 ? [...all] : found;
}

/**
 * Applies `--only`. A kind of name of which none is given isn't restricted. The reference is always measured, and so
 * is the other build's line of the same name.
 * @param names of lines (`kernel->vtep` or `kernel-vtep`), traffic (`tcp1`) and wires (`off`, `on`)
 * @throws UsageError for an unknown name
 */
export function selectionOf(all: readonly Line[], names: readonly string[]): Selection {
  const traffic = Object.values(Traffic);
  const wires = Object.keys(WIRES) as Wire[];
  const sameLine = ({ name }: Line, given: string): boolean =>
    [name, name.replaceAll(OTHER_VTEP, VTEP)].some((one) => plainName(one) === plainName(given));
  const known = (name: string): boolean =>
    all.some((line) => sameLine(line, name)) ||
    traffic.some((one) => one === name) ||
    wires.some((one) => one === name);
  const unknown = names.find((name) => !known(name));
  if (unknown !== undefined) {
    const choices = [...all.map(({ name }) => name), ...traffic, ...wires];
    throw new UsageError(`--only takes ${alternatives(choices)}, not ${inQuotes(unknown)}`);
  }
  const others = names.filter((name) => plainName(name) !== plainName(REFERENCE));
  const isReference = ({ name }: Line): boolean => name === REFERENCE;
  const onlyReference =
    others.length < names.length && !all.some((line) => others.some((name) => sameLine(line, name)));
  return {
    lines: onlyReference
      ? all.filter(isReference)
      : [
          ...all.filter(isReference),
          ...chosen(
            all.filter((line) => !isReference(line)),
            others,
            sameLine,
          ),
        ],
    traffic: chosen(traffic, names, (one, name) => one === name),
    wires: chosen(wires, names, (one, name) => one === name).map((wire) => WIRES[wire]),
  };
}
