/** The name of a node's nftables table. */
import { createHash } from 'node:crypto';

/** Characters of a node's name that are kept; names of tables have at most 255. */
const MAX_NAME = 40;
const DIGEST = 8;

/**
 * The table of a node: `vtep_node1`. A name with characters that nft doesn't take, or a long one, gets a digest, so that no
 * two nodes share a table.
 */
export function tableName(node: string): string {
  const plain = node.replaceAll(/[^A-Za-z0-9]/g, '_').slice(0, MAX_NAME);
  if (plain === node) return `vtep_${node}`;
  return `vtep_${plain}_${createHash('sha256').update(node).digest('hex').slice(0, DIGEST)}`;
}
