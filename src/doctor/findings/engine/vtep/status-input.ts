/** The file that a node's status was read from. */
import { type Evidence, InputKind, type NodeEvidence } from '../../../evidence/evidence.js';
import type { Placed } from '../../../evidence/place.js';

/** A node with its status. */
export interface NodeStatus extends Placed {
  readonly node: NodeEvidence;
  readonly status: Readonly<Record<string, unknown>>;
}

/** The nodes whose status is known. */
export function* nodeStatuses({ nodes, inputs }: Evidence): Generator<NodeStatus> {
  for (const node of nodes) {
    if (node.status === undefined) continue;
    const input = inputs.find(({ node: name, kinds }) => name === node.name && kinds.includes(InputKind.Status));
    yield { node, status: node.status, place: { file: input?.file ?? InputKind.Status } };
  }
}
