/** `--config`: the network as a file says it is. */
import { readFileSync } from 'node:fs';
import { VtepError } from '../error.js';
import { parseConfig, type Topology } from '../overlay/index.js';
import { type ParsedArguments, UsageError } from './arguments.js';

/** The topology of `--config`, or undefined if the option isn't there. Throws UsageError. */
export function configOption(parsed: ParsedArguments): Topology | undefined {
  const path = parsed.values['config'];
  if (typeof path !== 'string') return undefined;
  try {
    return parseConfig(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error instanceof VtepError) throw new UsageError(`${path}: ${error.message}`);
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(`${path}: ${code === 'ENOENT' ? 'there is no such file' : `can't be read (${code})`}`);
  }
}
