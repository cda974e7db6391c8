/** Which cipher works here: the fastest that is there and passes its self-test, or the one that is asked for. */
import { inQuotes } from '../plain-text.js';
import type { Aead, AeadBackend } from './aead.js';
import { AeadError, type AeadErrorCode } from './error.js';
import { ipsecMbBackend } from './ipsec-mb-aead.js';
import { nodeBackend } from './node-aead.js';
import { opensslBackend } from './openssl-aead.js';
import { selfTest } from './self-test.js';

/** The backends of this package for Node, the fastest first (bench/README.md). */
export const AEAD_BACKENDS: readonly AeadBackend[] = [ipsecMbBackend, opensslBackend, nodeBackend];

/** A backend that was not taken. */
export interface PassedOver {
  readonly name: string;
  /** `AEAD_UNAVAILABLE`: it isn't there. `AEAD_SELF_TEST`: it is there, and gives wrong results. */
  readonly code: AeadErrorCode;
  readonly reason: string;
}

/** A cipher, and why no faster one. */
export interface AeadChoice {
  readonly aead: Aead;
  readonly passedOver: readonly PassedOver[];
}

function tryBackend(backend: AeadBackend): Aead {
  const aead = backend.create();
  const wrong = selfTest(aead);
  if (wrong !== undefined) throw new AeadError('AEAD_SELF_TEST', `the cipher ${backend.name} ${wrong}`);
  return aead;
}

/**
 * Makes a cipher.
 * @param name the backend to take and no other; the first that works if not said
 * @param backends the ones to try, in order
 * @throws AeadError `AEAD_UNKNOWN` for a name that none has; what the named one lacks; `AEAD_UNAVAILABLE` if none works
 */
export function chooseAead(name?: string, backends: readonly AeadBackend[] = AEAD_BACKENDS): AeadChoice {
  if (name !== undefined) {
    const named = backends.find((backend) => backend.name === name);
    if (named === undefined) {
      const known = backends.map((backend) => backend.name).join(', ');
      throw new AeadError('AEAD_UNKNOWN', `there is no cipher ${inQuotes(name)}; there are ${known}`);
    }
    return { aead: tryBackend(named), passedOver: [] };
  }
  const passedOver: PassedOver[] = [];
  for (const backend of backends) {
    try {
      return { aead: tryBackend(backend), passedOver };
    } catch (error) {
      if (!(error instanceof AeadError)) throw error;
      passedOver.push({ name: backend.name, code: error.code, reason: error.message });
    }
  }
  throw new AeadError('AEAD_UNAVAILABLE', `no cipher works: ${passedOver.map(({ reason }) => reason).join('; ')}`);
}
