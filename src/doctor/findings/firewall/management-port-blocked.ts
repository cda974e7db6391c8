import type { Evidence, NodeEvidence } from '../../evidence/evidence.js';
import { Severity } from '../../finding.js';
import { withoutLength } from '../../derived/addresses.js';
import { ownAddresses } from '../../derived/nodes.js';
import { type Blocked, blockedPackets } from './blocked-packets.js';

const MANAGEMENT_PORT = 2377;

/** A firewall drops the connections to a manager. */
export const managementPortBlocked = blockedPackets({
  id: 'management-port-blocked',
  title: 'A manager accepts no connections of other nodes',
  severity: Severity.Error,
  what: 'connections to a manager',
  kindsOf,
  means:
    'Nodes get tasks, keys and the addresses of services from managers at TCP 2377. A node that reaches none keeps its old keys, and misses every rotation.',
  threads: ['moby/moby#25608', 'docker/docs#8640'],
  explains: ['node-behind-in-rotation', 'rotation-missed', 'gossip-wrong-keys'],
});

/** Managers alone listen at the port: those that a node of the swarm names. */
function kindsOf(node: NodeEvidence, { nodes }: Evidence): readonly Blocked[] {
  const own = ownAddresses(node);
  const managers = nodes.flatMap(({ engines }) => engines.flatMap((engine) => engine.managers.map(hostOf)));
  return managers.some((address) => own.has(address))
    ? [{ protocol: 'tcp', port: MANAGEMENT_PORT, isReply: false }]
    : [];
}

/** The address of `192.168.50.1:2377` or `[fd00::1]:2377`. */
function hostOf(manager: string): string {
  if (manager.startsWith('[')) return manager.slice(1, Math.max(1, manager.indexOf(']')));
  const parts = manager.split(':');
  return withoutLength(parts.length === 2 ? parts[0] : manager);
}
