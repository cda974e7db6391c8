/** The vectors of C2SP/wycheproof, if available. */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ROOT } from '../repository.js';

const folder = resolve(ROOT, '../shared/vectors/wycheproof');

/** Why the tests of these vectors are skipped, or false if they are available. */
export const absent: string | false = existsSync(folder)
  ? false
  : 'the published Wycheproof vectors (../shared/vectors/wycheproof) are missing';

interface Group<T> {
  readonly ivSize?: number;
  readonly keySize: number;
  readonly tests: readonly T[];
}

interface Vectors<T> {
  readonly numberOfTests: number;
  readonly testGroups: readonly Group<T>[];
}

interface Case {
  readonly tcId: number;
  readonly comment: string;
  readonly result: 'valid' | 'invalid';
}

export interface GcmCase extends Case {
  readonly key: string;
  readonly iv: string;
  readonly aad: string;
  readonly msg: string;
  readonly ct: string;
  readonly tag: string;
}

/** A GMAC is an ICV over additional data only, which the file calls the message. */
export interface GmacCase extends Case {
  readonly key: string;
  readonly iv: string;
  readonly msg: string;
  readonly tag: string;
}

export interface HkdfCase extends Case {
  readonly ikm: string;
  readonly salt: string;
  readonly info: string;
  readonly size: number;
  readonly okm: string;
}

/** A file of vectors, or an empty one if missing. */
export function vectors<T extends Case>(name: string): Vectors<T> {
  if (absent !== false) return { numberOfTests: 0, testGroups: [] };
  return JSON.parse(readFileSync(join(folder, name), 'utf8')) as Vectors<T>;
}
