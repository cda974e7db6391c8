/** Parts of a config's schema: each says what a wrong value should have been, and shows no text that may be a key. */
import * as z from 'zod';
import { inQuotes } from '../text/plain-text.js';
import { alternatives, didYouMean } from '../text/suggestion.js';

/** Larger numbers aren't shown, since they may be keys. */
const MAX_SHOWN = 1e12;

/** Shows a value that is not what it should be. */
function shown(value: unknown): string {
  if (typeof value === 'string') return inQuotes(value);
  if (typeof value === 'number') return Math.abs(value) <= MAX_SHOWN ? String(value) : 'this number';
  if (typeof value === 'boolean') return String(value);
  if (value === null) return 'nothing';
  return Array.isArray(value) ? 'a list' : 'a block of fields';
}

/** The message for a value that isn't what it should be, or is missing. */
export function not(what: string): (issue: { readonly input?: unknown }) => string {
  return ({ input }) => (input === undefined ? `missing; it must be ${what}` : `${shown(input)} is not ${what}`);
}

/** A whole number. */
export function whole(lowest: number, highest: number, what: string): z.ZodNumber {
  const error = not(`${what} (${lowest} to ${highest})`);
  return z.number({ error }).int({ error }).min(lowest, { error }).max(highest, { error });
}

/** A text. */
export function text(what: string): z.ZodString {
  return z.string({ error: not(what) });
}

/** One of some words. */
export function oneOf<const T extends readonly string[]>(...words: T): z.ZodEnum<{ [K in T[number]]: K }> {
  return z.enum(words, { error: not(alternatives(words)) });
}

/** Whether the name of an unknown field can be shown: other text may be a key. */
function isFieldName(name: string): boolean {
  return /^[a-z][a-z_-]{0,20}$/i.test(name);
}

/** An object with known fields only. */
export function fields<T extends z.ZodRawShape>(what: string, shape: T): z.ZodObject<T, z.core.$strict> {
  const names = Object.keys(shape);
  return z.strictObject(shape, {
    error(issue) {
      if (issue.code !== 'unrecognized_keys') return not(what)(issue);
      const [name] = issue.keys;
      if (!isFieldName(name)) return `an unknown field; there are ${names.join(', ')}`;
      const hint = didYouMean(name, names);
      return `unknown field ${inQuotes(name)}${hint === '' ? `; there are ${names.join(', ')}` : hint}`;
    },
  });
}

/** A name: not empty, and fit to be printed. */
export const NAME = z
  .string({ error: not('a name') })
  .min(1, 'a name must not be empty')
  .refine((name) => !/\p{Cc}/u.test(name), 'a name must not contain control characters');

/** A text, or a list of texts that isn't empty. */
export function oneOrMore(what: string): z.ZodUnion<readonly [z.ZodString, z.ZodArray<z.ZodString>]> {
  const error = not(`${what}, or a list of them`);
  return z.union([z.string(), z.array(z.string({ error }), { error }).min(1, { error })], { error });
}

/** True or false. */
export function bool(): z.ZodBoolean {
  return z.boolean({ error: not('true or false') });
}

/** The texts of a value that may be a list. */
export function listOf(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return typeof value === 'string' ? [value] : value;
}
