/** `--aead`: the cipher that keys are in. */
import { AEAD_BACKENDS, type AeadChoice, type AeadBackend, chooseAead } from '../aead/index.js';
import { forgeBackend } from '../../native-free/forge-aead.js';
import type { ParsedArguments } from './arguments.js';
import { say } from './text-output.js';

/** Lines of help about it. */
export const AEAD_HELP = `  --aead NAME        the cipher: ipsec-mb, openssl, node, forge; the fastest that works if not said`;

/**
 * The cipher that is asked for, or the fastest that works. One that is there and gives wrong results is said on standard
 * error.
 * @param backends the ones to try, in order
 * @throws AeadError
 */
export function aeadOption(
  parsed: ParsedArguments,
  backends: readonly AeadBackend[] = [...AEAD_BACKENDS, forgeBackend],
): AeadChoice {
  const name = parsed.values['aead'];
  const choice = chooseAead(typeof name === 'string' ? name : undefined, backends);
  for (const { code, reason } of choice.passedOver) if (code === 'AEAD_SELF_TEST') say(`vtep: ${reason}: not used`);
  return choice;
}
