import { inQuotes } from '../text/plain-text.js';
import { didYouMean } from '../text/suggestion.js';

/** Maximum number of nodes in a message; a config may have thousands. */
const MAX_LISTED = 10;

/**
 * What is wrong with the name of a node that a topology doesn't have, and which ones there are.
 * @param name the unknown name
 * @param nodes the nodes of the topology
 */
export function unknownNode(name: string, nodes: readonly { readonly name: string }[]): string {
  const names = nodes.map((node) => node.name);
  const hint = names.length > MAX_LISTED ? didYouMean(name, names) : '';
  const more = names.length > MAX_LISTED ? ` and ${names.length - MAX_LISTED} more` : '';
  const known =
    names.length === 0 ? 'the network has no nodes' : `there are ${names.slice(0, MAX_LISTED).join(', ')}${more}`;
  return `there is no node ${inQuotes(name)}${hint === '' ? `; ${known}` : hint}`;
}
