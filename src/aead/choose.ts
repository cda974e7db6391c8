/** Chooses the cipher: the fastest one available that passes its self-test, or the one asked for by name. */
import { inQuotes } from '../text/plain-text.js';
import type { Aead, AeadBackend } from './aead.js';
import { AeadError, type AeadErrorCode } from './error.js';
import { ipsecMbBackend } from './ipsec-mb-aead.js';
import { nodeBackend } from './node-aead.js';
import { opensslBackend } from './openssl-aead.js';
import { selfTest } from './self-test.js';

/** This package's backends for Node, fastest first (bench/README.md). */
export const AEAD_BACKENDS: readonly AeadBackend[] = [ipsecMbBackend, opensslBackend, nodeBackend];

/** A backend that was skipped. */
export interface SkippedBackend {
  /** The backend's name. */
  readonly name: string;
  /** `AEAD_UNAVAILABLE`: it is missing. `AEAD_SELF_TEST`: it gives wrong results. */
  readonly code: AeadErrorCode;
  /** Why it can't be used here, for people. */
  readonly reason: string;
}

/** A cipher, and why the faster ones were skipped. */
export interface AeadChoice {
  /** The cipher. */
  readonly aead: Aead;
  /** Backends that were tried before it. */
  readonly skipped: readonly SkippedBackend[];
}

function tryBackend(backend: AeadBackend): Aead {
  const aead = backend.create();
  const wrong = selfTest(aead);
  if (wrong !== undefined) throw new AeadError('AEAD_SELF_TEST', `the cipher ${backend.name} ${wrong}`);
  return aead;
}

/**
 * Creates a cipher.
 * @param name the only backend to try. Default: the first that works.
 * @param backends the backends to try, in order. Default: `AEAD_BACKENDS`.
 * @throws AeadError `AEAD_UNKNOWN` for an unknown name; the named backend's error; `AEAD_UNAVAILABLE` if none works
 * @example
 * import { chooseAead } from 'vtep/aead';
 *
 * const { aead, skipped } = chooseAead();
 * console.log(`cipher ${aead.name}`);
 * for (const { name, reason } of skipped) console.log(`not ${name}: ${reason}`);
 */
export function chooseAead(name?: string, backends: readonly AeadBackend[] = AEAD_BACKENDS): AeadChoice {
  if (name !== undefined) {
    const named = backends.find((backend) => backend.name === name);
    if (named === undefined) {
      const known = backends.map((backend) => backend.name).join(', ');
      throw new AeadError('AEAD_UNKNOWN', `unknown cipher ${inQuotes(name)}; known ciphers: ${known}`);
    }
    return { aead: tryBackend(named), skipped: [] };
  }
  const skipped: SkippedBackend[] = [];
  for (const backend of backends) {
    try {
      return { aead: tryBackend(backend), skipped };
    } catch (error) {
      if (!(error instanceof AeadError)) throw error;
      skipped.push({ name: backend.name, code: error.code, reason: error.message });
    }
  }
  throw new AeadError('AEAD_UNAVAILABLE', `no cipher works: ${skipped.map(({ reason }) => reason).join('; ')}`);
}
