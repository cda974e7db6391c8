/** What a node's networks require, and which changes need a restart. */
import { Oversize } from '../../dataplane/index.js';
import {
  ChangeKind,
  type ChangePlan,
  FloodPolicy,
  type Network,
  type Node,
  type ReadonlyNodeTables,
  type Topology,
} from '../../overlay/index.js';
import { LiveError } from '../error.js';
import type { UnderlayPort } from '../port/underlay-port.js';

/**
 * Rejects outer fragments over a UDP socket, which only sends whole datagrams: it would wrap each fragment in
 * another datagram.
 * @throws LiveError `NOT_PERMITTED`
 */
export function checkOversize(oversize: Oversize | undefined, underlay: UnderlayPort): void {
  if (oversize !== Oversize.Outside || underlay.carriesEsp) return;
  const text = `outer fragments need raw sockets, which the ${underlay.name} is not: run it as root`;
  throw new LiveError('NOT_PERMITTED', text);
}

/**
 * Rejects an encrypted network without its requirements: all its packets would be dropped.
 * @param keys whether there are a cipher and keys
 * @throws LiveError `BAD_NODE`, `NOT_PERMITTED`
 */
export function checkCipher(networks: readonly Network[], keys: boolean, underlay: UnderlayPort): void {
  if (!networks.some(({ encrypted }) => encrypted)) return;
  if (!keys) {
    throw new LiveError('BAD_NODE', 'a network is encrypted, but the node was started without keys or has none now');
  }
  if (underlay.carriesEsp) return;
  const text = `a network is encrypted, and ESP needs raw sockets, which the ${underlay.name} is not: run it as root`;
  throw new LiveError('NOT_PERMITTED', text);
}

/**
 * Rejects networks that several workers can't share: learned addresses are one worker's, and so is each SA, while a
 * flooded frame needs the SAs with all peers.
 * @throws LiveError `BAD_NODE`
 */
export function checkShared(networks: readonly Network[]): void {
  for (const { name, vni, learning, encrypted, flood } of networks) {
    const which = `the network ${name} (VNI ${vni})`;
    if (learning) throw new LiveError('BAD_NODE', `${which} learns addresses, which needs a single worker`);
    if (encrypted && flood === FloodPolicy.Replicate) {
      throw new LiveError('BAD_NODE', `${which} floods and is encrypted, which needs a single worker`);
    }
  }
}

/**
 * Rejects a new name for this node.
 * @throws LiveError `BAD_NODE`
 */
export function checkName(here: Node, plan: ChangePlan): void {
  for (const change of plan.changes) {
    const own = change.kind === ChangeKind.ChangeNode && formatted(change.node.vtep) === formatted(here.vtep);
    if (own && change.node.name !== here.name) {
      throw new LiveError('BAD_NODE', "the node's name changed, which requires a restart");
    }
  }
}

/**
 * Rejects a topology that lacks the node, or that changes what its sockets and chains were created for.
 * @throws LiveError `BAD_NODE`
 */
export function checkReplacement(before: ReadonlyNodeTables, name: string, topology: Topology): void {
  const there = topology.nodes.find((node) => node.name === name);
  if (there === undefined) throw new LiveError('BAD_NODE', `the new topology has no node ${name}`);
  const changed =
    formatted(before.here.vtep) !== formatted(there.vtep)
      ? "the node's VTEP address"
      : before.port !== topology.port
        ? 'the UDP port'
        : before.profile !== topology.profile
          ? 'the profile'
          : undefined;
  if (changed !== undefined) throw new LiveError('BAD_NODE', `${changed} changed, which requires a restart`);
}

function formatted(address: Uint8Array): string {
  return address.join('.');
}
