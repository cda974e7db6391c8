/** All ciphers, each with the reason to skip it on a machine without it. */
import { describe } from 'node:test';
import { forgeBackend } from '../../native-free/forge-aead.js';
import {
  type Aead,
  type AeadBackend,
  AeadError,
  ipsecMbBackend,
  nodeBackend,
  opensslBackend,
} from '../../src/aead/index.js';

/** All of them, native ones first. */
export const BACKENDS: readonly AeadBackend[] = [ipsecMbBackend, opensslBackend, nodeBackend, forgeBackend];
/** Those that pass addresses to native code. */
export const NATIVE_BACKENDS: readonly AeadBackend[] = [ipsecMbBackend, opensslBackend];

/** Why a backend is skipped here, or false if available. In CI none is skipped: a missing one fails its tests. */
export function lacking(backend: AeadBackend): string | false {
  if (process.env['CI'] === 'true') return false;
  try {
    backend.create();
    return false;
  } catch (error) {
    if (error instanceof AeadError && error.code === 'AEAD_UNAVAILABLE') return error.message;
    throw error;
  }
}

/** Describes a rule that every backend must satisfy. */
export function describeEach(
  title: string,
  body: (create: () => Aead, name: string) => void,
  backends: readonly AeadBackend[] = BACKENDS,
): void {
  for (const backend of backends) {
    describe(`${backend.name}: ${title}`, { skip: lacking(backend) }, () => body(() => backend.create(), backend.name));
  }
}
