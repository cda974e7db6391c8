/** `--aead`: the AEAD backend. */
import { AeadError } from '../../aead/error.js';
import type { AeadBackend, AeadChoice } from '../../aead/index.js';
import type { ParsedArguments } from '../arguments.js';
import { say } from '../text-output.js';

/** Its lines in the help text. */
export const AEAD_HELP = `  --aead NAME        cipher: ipsec-mb, openssl, node or forge. Default: the
                     fastest that works`;

/**
 * The requested cipher, or the fastest that works. A backend that loads but fails its self-test is reported on standard
 * error.
 * @param backends the ones to try, in order. Default: all
 * @throws AeadError
 */
export async function aeadOption(parsed: ParsedArguments, backends?: readonly AeadBackend[]): Promise<AeadChoice> {
  const named = parsed.values['aead'];
  const choice = await choose(typeof named === 'string' ? named : undefined, backends);
  for (const { code, reason } of choice.skipped) if (code === 'AEAD_SELF_TEST') say(`vtep: ${reason}: not used`);
  return choice;
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
