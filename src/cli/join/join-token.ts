/** The join token: from a file, standard input, an argument or the environment. */
import { STANDARD_STREAM } from '../../capture/file/standard-stream.js';
import { JoinToken } from '../../join/index.js';
import { readSmallText } from '../options/small-file.js';
import { UsageError } from '../usage-error.js';
import { TOKEN_VARIABLE } from './join-options.js';

/** A token has at most 87 characters; docker swarm join-token worker prints a few hundred around it. */
const MAX_CHARACTERS = 4096;
/** A token in the text that docker swarm join-token prints. */
const IN_TEXT = /SWMTKN-\S+/;
/** A token that is complete: more of the input isn't waited for. */
const COMPLETE = /SWMTKN-\S+\s/;

/** Where a token may be. */
export interface TokenValues {
  readonly token: string | undefined;
  readonly tokenFile: string | undefined;
}

/**
 * Reads the token. The variable is removed from the environment, which child processes would inherit.
 * @param input standard input. Default: the process's
 * @returns undefined if there is none: a stored identity may make it unnecessary
 * @throws UsageError if a file can't be read; JoinError `BAD_TOKEN`, `FIPS_SWARM`
 */
export async function readToken(
  { token, tokenFile }: TokenValues,
  env: NodeJS.ProcessEnv = process.env,
  input: AsyncIterable<Buffer> = process.stdin,
): Promise<JoinToken | undefined> {
  const inherited = env[TOKEN_VARIABLE] ?? '';
  env[TOKEN_VARIABLE] = '';
  if (token !== undefined) return new JoinToken(token);
  if (tokenFile === undefined) return inherited === '' ? undefined : new JoinToken(inherited);
  const isStandard = tokenFile === STANDARD_STREAM;
  const text = isStandard ? await textOf(input) : readSmallText(tokenFile, MAX_CHARACTERS, 'a join token');
  if (text.trim() === '') {
    throw new UsageError(`${isStandard ? 'standard input' : tokenFile}: empty; it should hold a join token`);
  }
  return new JoinToken(IN_TEXT.exec(text)?.[0] ?? text);
}

async function textOf(input: AsyncIterable<Buffer>): Promise<string> {
  let text = '';
  for await (const chunk of input) {
    text += chunk.toString('latin1');
    if (text.length > MAX_CHARACTERS) throw new UsageError('standard input: too large for a join token');
    if (COMPLETE.test(text)) break;
  }
  return text;
}
