/** Every cipher there is, each with a reason to pass it over on a machine that lacks it. */
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

/** All of them, the native ones first. */
export const BACKENDS: readonly AeadBackend[] = [ipsecMbBackend, opensslBackend, nodeBackend, forgeBackend];
/** Those that hand addresses to native code. */
export const NATIVE_BACKENDS: readonly AeadBackend[] = [ipsecMbBackend, opensslBackend];

/** Why a backend is passed over here, or false if it is there. In CI none is: one that is missing fails its tests. */
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

/** Describes a rule that every backend holds. */
export function describeEach(
  title: string,
  body: (create: () => Aead, name: string) => void,
  backends: readonly AeadBackend[] = BACKENDS,
): void {
  for (const backend of backends) {
    describe(`${backend.name}: ${title}`, { skip: lacking(backend) }, () => body(() => backend.create(), backend.name));
  }
}
