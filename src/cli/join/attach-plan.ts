/** `--attach`, `--device` and `--netns`: networks, and the interfaces for them. */
import { INTERFACE_NAME_RULE, isInterfaceName } from '../../overlay/internal.js';
import type { JoinedAttachment } from '../../swarm/index.js';
import { inQuotes } from '../../text/plain-text.js';
import { UsageError } from '../usage-error.js';

/** The values of the options. */
export interface AttachValues {
  readonly attach: readonly string[];
  readonly device: readonly string[];
  readonly netns: readonly string[];
}

interface Draft {
  readonly network: string;
  readonly address: string | undefined;
  device: string | undefined;
  netns: string | undefined;
}

const ADDRESS = /^\d{1,3}(\.\d{1,3}){3}$/;

/**
 * Reads the options. Several attachments to one network get their interfaces in order.
 * @throws UsageError
 */
export function attachPlan({ attach, device, netns }: AttachValues): JoinedAttachment[] {
  const drafts = attach.map(draftOf);
  for (const [i, { network, address }] of drafts.entries()) {
    const isTwice = drafts.findIndex((other) => other.network === network && other.address === address) < i;
    if (isTwice) throw new UsageError(`--attach ${attach[i]} was given twice; give each its =ADDRESS`);
  }
  for (const given of device) {
    const [network, name] = splitOf(given);
    if (!isInterfaceName(name)) throw new UsageError(`--device ${inQuotes(given)}: ${INTERFACE_NAME_RULE}`);
    const own = network === undefined ? drafts : named(drafts, network, '--device', given);
    if (network === undefined && drafts.length !== 1) {
      throw new UsageError(`--device ${name}: with ${drafts.length} attachments it takes NETWORK=${name}`);
    }
    const free = own.find((draft) => draft.device === undefined);
    if (free === undefined) throw new UsageError(`--device ${given}: there are more of them than attachments`);
    free.device = name;
  }
  const all = netns.filter((given) => splitOf(given)[0] === undefined);
  if (all.length > 1) throw new UsageError('--netns without NETWORK= is for all attachments; give it once');
  for (const given of netns) {
    const [network, name] = splitOf(given);
    if (name === '') throw new UsageError(`--netns ${inQuotes(given)}: names no namespace`);
    if (network === undefined) continue;
    const own = named(drafts, network, '--netns', given);
    const free = own.find((draft) => draft.netns === undefined);
    if (free === undefined) throw new UsageError(`--netns ${given}: there are more of them than attachments`);
    free.netns = name;
  }
  if (all.length > 0 && drafts.length === 0) throw new UsageError(`--netns ${all[0]} needs --attach NETWORK`);
  for (const draft of drafts) draft.netns ??= all.at(0);
  return drafts.map(({ network, address, device: name, netns: where }) => ({
    network,
    ...(address === undefined ? {} : { address }),
    ...(name === undefined ? {} : { device: name }),
    ...(where === undefined ? {} : { netns: where }),
  }));
}

function draftOf(given: string): Draft {
  const [network = given, address] = given.includes('=') ? splitOf(given) : [given, undefined];
  if (network === '') throw new UsageError(`--attach ${inQuotes(given)}: names no network`);
  if (address !== undefined && !ADDRESS.test(address)) {
    throw new UsageError(`--attach takes NETWORK or NETWORK=ADDRESS with an IPv4 address, not ${inQuotes(given)}`);
  }
  return { network, address, device: undefined, netns: undefined };
}

/** `NETWORK=NAME`, or `NAME`. */
function splitOf(given: string): readonly [network: string | undefined, name: string] {
  const at = given.indexOf('=');
  return at < 0 ? [undefined, given] : [given.slice(0, at), given.slice(at + 1)];
}

function named(drafts: readonly Draft[], network: string, option: string, given: string): readonly Draft[] {
  const own = drafts.filter((draft) => draft.network === network);
  if (own.length === 0) {
    throw new UsageError(`${option} ${given}: there is no --attach ${network}`);
  }
  return own;
}
