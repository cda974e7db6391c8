/** `--learn`: the topology from the gossip in a capture. The code for it is loaded only if it is named. */
import { STANDARD_STREAM } from '../../capture/file/standard-stream.js';
import { VtepError } from '../../error.js';
import type { GossipKeyring } from '../../gossip/index.js';
import type { InboundEsp } from '../../ipsec/index.js';
import type { KeyRing, Profile, Topology } from '../../overlay/index.js';
import { openInput, readInput } from '../capture/capture-input.js';
import { say } from '../text-output.js';
import { UsageError } from '../usage-error.js';
import { option } from './declared.js';
import type { ValueKind } from './value-kinds.js';

const GOSSIP = 'gossip';

/** `gossip`, or `gossip=FILE`. */
const learnValue: ValueKind<{ readonly path: string | undefined }> = {
  read(given, name) {
    if (given === GOSSIP) return { path: undefined };
    if (given.startsWith(`${GOSSIP}=`) && given.length > GOSSIP.length + 1) {
      return { path: given.slice(GOSSIP.length + 1) };
    }
    throw new UsageError(`${name} takes gossip, or gossip=FILE with another capture`);
  },
};

/** `--learn gossip[=FILE]`. */
export const learnDeclared = option(
  '--learn gossip[=FILE]',
  'instead: nodes, networks, endpoints and services from the gossip in the capture, or in FILE; --keys has its keys',
  learnValue,
).under('Network');

/** `--learn gossip[=FILE]` of commands that need only the names of networks. */
export const learnNamesDeclared = option(
  '--learn gossip[=FILE]',
  "name networks by Docker's ids, from the gossip in the capture, or in FILE; --keys has its keys",
  learnValue,
);

/** What is needed to learn. */
export interface LearnFrom {
  /** The command's own capture; undefined if it can't have gossip. */
  readonly capture: string | undefined;
  readonly gossip: GossipKeyring | undefined;
  readonly esp: InboundEsp | undefined;
  readonly ring: KeyRing | undefined;
  readonly profile: Profile;
  readonly mtu: number;
  /**
   * Whether to say what had to be guessed.
   * @default true
   */
  readonly warns?: boolean;
}

/**
 * Learns the topology.
 * @returns undefined without `--learn`
 * @throws UsageError
 */
export async function learnOption(
  learn: { readonly path: string | undefined } | undefined,
  { capture, gossip, esp, ring, profile, mtu, warns = true }: LearnFrom,
): Promise<Topology | undefined> {
  if (learn === undefined) return undefined;
  const path = learn.path ?? capture;
  if (path === undefined) {
    throw new UsageError("containers' frames have no gossip: name a capture of the underlay with --learn gossip=FILE");
  }
  if (path === STANDARD_STREAM) throw new UsageError('--learn reads a capture before the command does; name a file');
  if (gossip === undefined) {
    throw new UsageError('--learn gossip needs --keys FILE with lines "networking:gossip lamport TAG key HEX"');
  }
  const { GossipLearner } = await import('../../inspect/index.js');
  const learner = new GossipLearner(gossip, esp === undefined ? {} : { esp });
  const source = await openInput(path);
  await readInput(source, (batch) => learner.add(batch));
  if (!learner.found) throw new UsageError(`${path}: no gossip about endpoints that the keys of --keys decrypt`);
  try {
    const { topology, warnings } = learner.topology({ profile, mtu, ring });
    for (const warning of warns ? warnings : []) say(`vtep: ${path}: ${warning}`);
    return topology;
  } catch (error) {
    if (error instanceof VtepError) throw new UsageError(`${path}: ${error.message}`);
    throw error;
  }
}
