/** `--aead`: the AEAD backend. */
import { AeadError } from '../../aead/portable.js';
import type { AeadBackend, AeadChoice } from '../../aead/index.js';
import { say } from '../text-output.js';
import { option } from './declared.js';
import { choice } from './value-kinds.js';

/** `--aead NAME`. */
export const aeadDeclared = option(
  '--aead NAME',
  'AES-GCM implementation',
  choice('ipsec-mb', 'openssl', 'node', 'forge'),
).otherwise('the fastest that works');

/**
 * The requested cipher, or the fastest that works. A backend that loads but fails its self-test is reported on standard
 * error.
 * @param name the value of `--aead`
 * @param backends the ones to try, in order. Default: all
 * @throws AeadError
 */
export async function aeadOption(name: string | undefined, backends?: readonly AeadBackend[]): Promise<AeadChoice> {
  const chosen = await choose(name, backends);
  for (const { code, reason } of chosen.skipped) if (code === 'AEAD_SELF_TEST') say(`vtep: ${reason}: not used`);
  return chosen;
}

async function choose(name: string | undefined, backends: readonly AeadBackend[] | undefined): Promise<AeadChoice> {
  const { AEAD_BACKENDS, chooseAead } = await import('../../aead/index.js');
  try {
    return chooseAead(name, backends ?? AEAD_BACKENDS);
  } catch (error) {
    if (backends !== undefined || !(error instanceof AeadError)) throw error;
    // Forge is also the slowest to load: only on request, or if no other backend works.
    const { forgeBackend } = await import('../../../native-free/forge-aead.js');
    return chooseAead(name, [...AEAD_BACKENDS, forgeBackend]);
  }
}
