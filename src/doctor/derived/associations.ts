/** SAs by direction, and where two nodes have the same one. */
import type { Evidence, NodeEvidence } from '../evidence/evidence.js';
import { InputKind } from '../evidence/evidence.js';
import type { XfrmPolicy, XfrmSa } from '../evidence/kernel.js';
import { nodesByAddress, nodesWith, ownAddresses } from './nodes.js';

/** The mark and request id of Docker's SAs and policies (moby daemon/libnetwork/drivers/overlay/encryption.go). */
const DOCKER_MARK = 0xd0c4e3;

/** Whether it is an SA for ESP in transport mode, as those of overlays are. */
export function isTransportEsp({ protocol, mode, spi }: XfrmSa): boolean {
  return protocol === 'esp' && spi !== 0 && (mode === 'transport' || mode === '');
}

/** SAs that several outputs of a node have, once: as the output with the most information has them. */
export function distinctSas({ sas }: NodeEvidence): readonly XfrmSa[] {
  const found = new Map<string, XfrmSa>();
  for (const sa of sas) {
    const key = `${sa.protocol} ${sa.source} ${sa.destination} ${sa.spi} ${sa.mark}`;
    const known = found.get(key);
    if (known === undefined || known.integrityErrors < sa.integrityErrors || known.sent < sa.sent) found.set(key, sa);
  }
  return [...found.values()];
}

/** Whether a policy is Docker's, by its mark. */
export function isDockerPolicy({ mark }: XfrmPolicy): boolean {
  const [value] = mark.split('/');
  return Number(value) === DOCKER_MARK;
}

/**
 * A node's addresses as its SAs have them: those known otherwise, or else the one that all its SAs have, if there is only
 * one.
 */
function ownEnds(node: NodeEvidence): ReadonlySet<string> {
  const own = ownAddresses(node);
  const sas = node.sas.filter(isTransportEsp);
  if (sas.length === 0 || sas.some(({ source, destination }) => own.has(source) || own.has(destination))) return own;
  const common = [sas[0].source, sas[0].destination].filter((address) =>
    sas.every(({ source, destination }) => source === address || destination === address),
  );
  if (common.length === 1) return new Set(common);
  const senders = new Set(sas.filter(({ sent }) => sent > 0).map(({ source }) => source));
  return senders.size === 1 ? senders : new Set();
}

/** SAs that a node sends with. */
export function outboundSas(node: NodeEvidence): readonly XfrmSa[] {
  const own = ownEnds(node);
  return node.sas.filter((sa) => isTransportEsp(sa) && own.has(sa.source) && !own.has(sa.destination));
}

/** SAs that a node receives with. */
export function inboundSas(node: NodeEvidence): readonly XfrmSa[] {
  const own = ownEnds(node);
  return node.sas.filter((sa) => isTransportEsp(sa) && own.has(sa.destination) && !own.has(sa.source));
}

/** An SA that a node sends with, and what its receiver has from the same address. */
export interface SentSa {
  readonly sa: XfrmSa;
  readonly sender: NodeEvidence;
  readonly receiver: NodeEvidence;
  /** SAs of the receiver from the sender's address, in any order; empty if it has none. */
  readonly received: readonly XfrmSa[];
}

/** The SAs that nodes send with, where the receiver's SAs are known, too. */
export function* sentSas(evidence: Evidence): Generator<SentSa> {
  const nodes = nodesByAddress(evidence);
  for (const sender of nodesWith(evidence, InputKind.XfrmState)) {
    for (const sa of outboundSas(sender)) {
      const receiver = nodes.get(sa.destination);
      if (receiver === undefined || receiver === sender || !receiver.has.has(InputKind.XfrmState)) continue;
      const received = receiver.sas.filter(
        (other) => isTransportEsp(other) && other.source === sa.source && other.destination === sa.destination,
      );
      yield { sa, sender, receiver, received };
    }
  }
}

/** The same SA in two inputs. */
export interface SharedSa {
  readonly one: XfrmSa;
  readonly other: XfrmSa;
  readonly nodes: readonly NodeEvidence[];
}

/** SAs with the same SPI and addresses, of different inputs or nodes; each compared with the first one found. */
export function* sharedSas({ nodes }: Evidence): Generator<SharedSa> {
  const first = new Map<string, { readonly sa: XfrmSa; readonly node: NodeEvidence }>();
  for (const node of nodes) {
    for (const sa of node.sas) {
      if (sa.spi === 0) continue;
      const key = `${sa.protocol} ${sa.source} ${sa.destination} ${sa.spi} ${sa.mark}`;
      const known = first.get(key);
      if (known === undefined) {
        first.set(key, { sa, node });
      } else if (known.node !== node || known.sa.place.file !== sa.place.file) {
        yield { one: known.sa, other: sa, nodes: [...new Set([known.node, node])] };
      }
    }
  }
}
