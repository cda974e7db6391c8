/** Texts for the tests of the parsers. */
import { readFileSync } from 'node:fs';
import type { Source } from '../../../src/doctor/inputs/source.js';
import { fixture } from '../../repository.js';

/** The text of a recorded output. */
export function output(name: string): string {
  return readFileSync(fixture(`outputs/${name}`), 'utf8');
}

/** A source, and the warnings that it gets. */
export function sourceOf(text: string, command = ''): Source & { readonly warnings: string[] } {
  const warnings: string[] = [];
  return {
    file: 'file.txt',
    text,
    firstLine: 1,
    namespace: undefined,
    command,
    warn: (what, line) => warnings.push(line === undefined ? what : `${line}: ${what}`),
    warnings,
  };
}
