/** `--aead`: the cipher that keys are in. */
import { AeadError } from '../aead/error.js';
import type { AeadBackend, AeadChoice } from '../aead/index.js';
import type { ParsedArguments } from './arguments.js';
import { say } from './text-output.js';

/** Lines of help about it. */
export const AEAD_HELP = `  --aead NAME        the cipher: ipsec-mb, openssl, node, forge; the fastest that works if not said`;

/**
 * The cipher that is asked for, or the fastest that works. One that is there and gives wrong results is said on standard
 * error.
 * @param backends the ones to try, in order; all if not said
 * @throws AeadError
 */
export async function aeadOption(parsed: ParsedArguments, backends?: readonly AeadBackend[]): Promise<AeadChoice> {
  const named = parsed.values['aead'];
  const choice = await choose(typeof named === 'string' ? named : undefined, backends);
  for (const { code, reason } of choice.passedOver) if (code === 'AEAD_SELF_TEST') say(`vtep: ${reason}: not used`);
  return choice;
}

async function choose(name: string | undefined, backends: readonly AeadBackend[] | undefined): Promise<AeadChoice> {
  const { AEAD_BACKENDS, chooseAead } = await import('../aead/index.js');
  try {
    return chooseAead(name, backends ?? AEAD_BACKENDS);
  } catch (error) {
    if (backends !== undefined || !(error instanceof AeadError)) throw error;
    // The slowest to load, too: that is done where it is asked for, or no other works.
    const { forgeBackend } = await import('../../native-free/forge-aead.js');
    return chooseAead(name, [...AEAD_BACKENDS, forgeBackend]);
  }
}
