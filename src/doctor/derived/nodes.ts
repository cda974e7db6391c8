/** The nodes of the evidence: their names and addresses. */
import type { Evidence, InputKind, NodeEvidence } from '../evidence/evidence.js';
import { isAddress, withoutLength } from './addresses.js';

/** What a node is called in a sentence. */
export function nodeText(node: NodeEvidence): string {
  if (node.name !== '') return node.name;
  const address = [...ownAddresses(node)].at(0);
  return address === undefined ? 'the node' : `the node at ${address}`;
}

/** What a node is called at the start of a sentence. */
export function startText(node: NodeEvidence): string {
  return node.name === '' ? nodeText(node).replace(/^the/, 'The') : node.name;
}

/** What a diagnosis about nodes has as their names: everything they are known by. */
export function aliases(...nodes: readonly NodeEvidence[]): string[] {
  return [...new Set(nodes.flatMap((node) => (node.name === '' ? [] : [node.name]).concat([...ownAddresses(node)])))];
}

/** Evidence doesn't change: what findings ask for again and again is worked out once. */
const ownAddressesOf = new WeakMap<NodeEvidence, ReadonlySet<string>>();

/** A node's addresses on the underlay, as far as known. */
export function ownAddresses(node: NodeEvidence): ReadonlySet<string> {
  const known = ownAddressesOf.get(node);
  if (known !== undefined) return known;
  const own = new Set(node.addresses);
  for (const { nodeAddress } of node.engines) if (isAddress(nodeAddress)) own.add(nodeAddress);
  for (const { direction, source } of node.policies) {
    if (direction === 'out' && isHost(source)) own.add(withoutLength(source));
  }
  ownAddressesOf.set(node, own);
  return own;
}

/** Whether a selector is for a single address. */
function isHost(prefix: string): boolean {
  return isAddress(prefix) && (!prefix.includes('/') || prefix.endsWith(prefix.includes(':') ? '/128' : '/32'));
}

/**
 * The addresses that a node's tunnels use, the likeliest first; empty if unknown. A node has other addresses: one for
 * management, for example.
 */
export function tunnelAddresses(node: NodeEvidence): readonly string[] {
  const own = ownAddresses(node);
  const onDevices = deviceAddresses(node);
  const isOwn = (address: string): boolean => own.has(address) || onDevices.has(address);
  const found = new Set<string>();
  const add = (address: string): void => {
    if (isOwn(address)) found.add(address);
  };
  for (const { direction, source } of node.policies) if (direction === 'out') add(withoutLength(source));
  for (const { protocol, source, destination } of node.sas) {
    // An SA between two of a node's own addresses doesn't say which.
    if (protocol !== 'esp' || (isOwn(source) && isOwn(destination))) continue;
    add(source);
    add(destination);
  }
  for (const { vxlan } of node.links) if (vxlan !== undefined) add(vxlan.local);
  for (const { nodeAddress } of node.engines) add(nodeAddress);
  for (const { peers } of node.networks) for (const peer of peers) add(peer);
  return found.size === 0 && own.size === 1 ? [...own] : [...found];
}

/** Addresses of a node's devices. */
export function deviceAddresses(node: NodeEvidence): ReadonlySet<string> {
  return new Set(node.links.flatMap(({ addresses }) => addresses.map(withoutLength)));
}

/** The nodes by address. An address that several nodes have, such as that of a bridge, is none's. */
export function nodesByAddress({ nodes }: Evidence): ReadonlyMap<string, NodeEvidence> {
  const found = new Map<string, NodeEvidence>();
  const shared = new Set<string>();
  for (const node of nodes) {
    for (const address of ownAddresses(node)) {
      if (found.has(address)) shared.add(address);
      else found.set(address, node);
    }
  }
  for (const address of shared) found.delete(address);
  return found;
}

/** The nodes of which there is an input of each kind. */
export function nodesWith({ nodes }: Evidence, ...kinds: readonly InputKind[]): readonly NodeEvidence[] {
  return nodes.filter(({ has }) => kinds.every((kind) => has.has(kind)));
}
