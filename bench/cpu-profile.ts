/** V8's CPU profiles, as written by `node --cpu-prof`: the part used here. */
import { z } from 'zod';
import { VtepError } from '../src/error.js';

const SCHEMA = z.object({
  nodes: z.array(
    z.object({
      id: z.number(),
      callFrame: z.object({ functionName: z.string(), url: z.string(), lineNumber: z.number() }),
      children: z.array(z.number()).optional(),
    }),
  ),
  /** Ids of the nodes on top of the stack. */
  samples: z.array(z.number()),
  /** Microseconds between samples. */
  timeDeltas: z.array(z.number()),
});

/** A profile: a call tree, and the tree node of each sample. */
export type CpuProfile = z.infer<typeof SCHEMA>;
/** A node of the tree: a function with its call path. Lines count from 0. */
export type ProfileNode = CpuProfile['nodes'][number];

/** A profile that can't be drawn. */
export class ProfileError extends VtepError<'PROFILE'> {
  constructor(message: string) {
    super('PROFILE', message);
  }
}

/**
 * Parses a profile.
 * @param text the content of a file
 * @throws ProfileError if it is not a CPU profile
 */
export function readProfile(text: string): CpuProfile {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    throw new ProfileError('not JSON; a CPU profile is written by node --cpu-prof');
  }
  const parsed = SCHEMA.safeParse(data);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue.path.length > 0 ? `${issue.path.join('.')}: ` : '';
  throw new ProfileError(`not a CPU profile (${where}${issue.message})`);
}
