/** `vtep up` on a node. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CONTAINER_DEVICE, dockerMac, VNI } from '../../test/live/namespaces/kernel-vtep.js';
import type { NodeCounts } from './result.js';
import { CONTAINER_IPS, type End, type NodeIndex, type Place } from './setup.js';

/** A build of vtep, and the kind of network. */
export interface VtepOptions {
  /** Path of `main.js`. */
  readonly main: string;
  readonly encrypted: boolean;
}

const NODES = [1, 2] as const;
/** For tests only: no secret. */
const KEYS = [4, 5, 6].map((tag) => ({ tag, key: `${'00'.repeat(15)}0${tag}` }));

interface Direction {
  readonly dropped: Readonly<Record<string, number>>;
  readonly balanced: boolean;
}

/** The parts of the report of `vtep up --json` that are shown. */
interface UpReport {
  readonly egress: Direction;
  readonly ingress: Direction;
  readonly underlay: {
    readonly received: number;
    readonly sent: number;
    readonly refused: Readonly<Record<string, number>>;
    readonly overrun: number;
  };
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

/**
 * Reads the counts from a report of `vtep up --json`.
 * @throws SyntaxError if it is no JSON
 */
export function countsOf(report: string): NodeCounts {
  const { egress, ingress, underlay } = JSON.parse(report) as UpReport;
  return {
    received: underlay.received,
    sent: underlay.sent,
    refused: sum(underlay.refused),
    overrun: underlay.overrun,
    dropped: sum(egress.dropped) + sum(ingress.dropped),
    balanced: egress.balanced && ingress.balanced,
  };
}

/** The config of both nodes; a container is in the namespace whose name starts with `prefix`. */
function configOf({ nodes }: Place, containers: readonly string[], encrypted: boolean): unknown {
  const endpoints = NODES.map((node) => {
    const ip = CONTAINER_IPS[node];
    const where = { device: CONTAINER_DEVICE, netns: containers[node - 1] };
    return [`c${node}`, { network: 'net', node: `node${node}`, ip, mac: dockerMac(ip), ...where }];
  });
  return {
    profile: 'swarm',
    nodes: Object.fromEntries(NODES.map((node) => [`node${node}`, { vtep: nodes[node - 1].ipv4 }])),
    networks: { net: { vni: VNI, subnet: '10.0.9.0/24', gateway: '10.0.9.1', ...(encrypted ? { encrypted } : {}) } },
    endpoints: Object.fromEntries(endpoints),
    ...(encrypted ? { keys: KEYS } : {}),
  };
}

/**
 * Starts vtep on a node, and waits until its container's device exists.
 * @throws Error with its output if it ends
 */
export async function vtepEnd(place: Place, node: NodeIndex, { main, encrypted }: VtepOptions): Promise<End> {
  const { bench, nodes, folder } = place;
  const container = bench.namespace(`c${node}`);
  // Only this node's container needs a namespace: the other's is on the other node.
  const config = join(folder, `vtep-${container.name}.json`);
  const containers = NODES.map((each) => container.name.replace(/c\d$/, `c${each}`));
  writeFileSync(config, JSON.stringify(configOf(place, containers, encrypted)));
  const process_ = nodes[node - 1].namespace.start([
    ...[process.execPath, main, 'up', '--config', config, '--node', `node${node}`],
    ...['--status', 'off', '--json'],
  ]);
  await process_.line('stderr', / is up on /);
  return {
    container,
    process: process_,
    finish: async () => countsOf((await process_.stop('SIGTERM')).stdout),
  };
}
