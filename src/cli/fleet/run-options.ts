/** Options of a command as what its jobs have in common. */
import type { RunOptions } from '../../fleet/internal.js';
import { VxlanReserved } from '../../wire/index.js';
import type { SharedDecoding } from '../inspect/survey-workers.js';
import { version } from '../version.js';

/** What isn't the same for all kinds of jobs. */
type Particular = {
  readonly [K in 'maxConversations' | 'start' | 'trace' | 'keepTruncated' | 'hasKeys' | 'aead']?:
    RunOptions[K] | undefined;
};

/** What the jobs of a run have in common. */
export function runOptions(kind: RunOptions['kind'], decoding: SharedDecoding, particular: Particular): RunOptions {
  const { port, vni, reserved, checksums } = decoding;
  const { maxConversations, start, trace, keepTruncated, hasKeys, aead } = particular;
  return {
    program: version(),
    kind,
    ...(port !== undefined && { port: typeof port === 'number' ? [port] : [...port] }),
    ...(vni !== undefined && { vni }),
    ignoresReserved: reserved === VxlanReserved.Ignore,
    checksums: checksums !== false,
    ...(maxConversations !== undefined && { maxConversations }),
    ...(start !== undefined && { start }),
    trace: trace === true,
    keepTruncated: keepTruncated === true,
    ...(aead !== undefined && { aead }),
    hasKeys: hasKeys === true,
  };
}
