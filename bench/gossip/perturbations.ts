/** How long it takes until all nodes of a cluster know of a change. */
import { NodeState, type SwarmMemberParameters } from '../../src/gossip/index.js';
import { type SimulatedNode, Simulation, TABLE } from './simulation.js';

const NETWORK = 'network';
/** Time to let a change die down before the next one, and longest time that one may take, in milliseconds. */
const REST = 4000;
const LIMIT = 200_000;

/** What is done to a cluster. */
export const PERTURBATIONS = [
  'entry created',
  'entry updated',
  'entry deleted',
  'node joins network',
  'node leaves network',
  'node joins cluster',
  'node leaves cluster',
  'node restarts under a new name',
  'node dies',
] as const;
export type Perturbation = (typeof PERTURBATIONS)[number];

/** A series of changes to measure. */
export interface PerturbationOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly loss: number;
  readonly kind: Perturbation;
  readonly repetitions: number;
  readonly parameters?: SwarmMemberParameters;
}

/** Times until all nodes knew, in milliseconds, shortest first. Throws if a change got lost. */
export function measurePerturbation(options: PerturbationOptions): number[] {
  const { seed, nodes, loss, kind, repetitions, parameters } = options;
  let informed = 0;
  let watchedKey = '';
  const simulation = new Simulation({
    seed,
    nodes,
    loss,
    parameters: { ...parameters, networkDb: { joinSyncs: 1, ...parameters?.networkDb } },
    onTableChange: (_, change) => {
      if (change.key === watchedKey) informed += 1;
    },
  });
  simulation.startFormed(NETWORK);
  simulation.run(2 * REST);
  const times: number[] = [];
  for (let repetition = 0; repetition < repetitions; repetition += 1) {
    // Never one that others need to join.
    const node = simulation.node(1 + (repetition % (nodes - 1)));
    repair(simulation, node);
    watchedKey = `${node.name}/${repetition}`;
    prepare(simulation, node, kind, watchedKey);
    informed = 0;
    const from = simulation.now;
    const isKnown = perturb(simulation, node, kind, watchedKey);
    simulation.run(from + LIMIT, isKnown ?? (() => informed >= nodes), 10);
    if (simulation.now >= from + LIMIT) throw new Error(`${kind}, seed ${seed}: not all nodes know after ${LIMIT} ms.`);
    times.push(simulation.now - from);
    simulation.run(simulation.now + REST);
  }
  return times.sort((one, other) => one - other);
}

/** Takes back what an earlier change did to a node. */
function repair(simulation: Simulation, node: SimulatedNode): void {
  if (node.isRunning && node.member.member.self.state === NodeState.Alive) {
    const { networkDb } = node.member;
    if (networkDb.isOnNetwork(NETWORK, node.name)) return;
  } else {
    simulation.kill(node);
    simulation.start(node);
    const manager = simulation.node(0).endpoint;
    simulation.call(node, ({ networkDb }, now) => networkDb.join([manager], now));
    simulation.run(simulation.now + REST);
  }
  simulation.call(node, ({ networkDb }, now) => networkDb.joinNetwork(NETWORK, now));
  simulation.run(simulation.now + REST);
}

/** Brings about what a change needs. */
function prepare(simulation: Simulation, node: SimulatedNode, kind: Perturbation, key: string): void {
  if (kind === 'entry updated' || kind === 'entry deleted') {
    simulation.call(node, ({ networkDb }, now) => networkDb.createEntry(NETWORK, TABLE, key, new Uint8Array(46), now));
  } else if (kind === 'node joins network') {
    simulation.call(node, ({ networkDb }, now) => networkDb.leaveNetwork(NETWORK, now));
  } else if (kind === 'node joins cluster') {
    simulation.call(node, (member, now) => member.leave(now));
  } else {
    return;
  }
  simulation.run(simulation.now + REST);
  if (kind === 'node joins cluster') simulation.kill(node);
}

/** Makes a change. Returns how to see that all nodes know; undefined for entries, whose watchers are counted. */
function perturb(
  simulation: Simulation,
  node: SimulatedNode,
  kind: Perturbation,
  key: string,
): (() => boolean) | undefined {
  const { name } = node;
  const others = simulation.running().filter((other) => other !== node);
  const isOnNetwork = (other: SimulatedNode): boolean => other.member.networkDb.isOnNetwork(NETWORK, name);
  const state = (other: SimulatedNode, of: string): NodeState | undefined => other.member.member.peer(of)?.state;
  switch (kind) {
    case 'entry created':
      simulation.call(node, ({ networkDb }, now) =>
        networkDb.createEntry(NETWORK, TABLE, key, new Uint8Array(46), now),
      );
      return undefined;
    case 'entry updated':
      simulation.call(node, ({ networkDb }, now) => networkDb.updateEntry(NETWORK, TABLE, key, new Uint8Array(9), now));
      return undefined;
    case 'entry deleted':
      simulation.call(node, ({ networkDb }, now) => networkDb.deleteEntry(NETWORK, TABLE, key, now));
      return undefined;
    case 'node joins network':
      simulation.call(node, ({ networkDb }, now) => networkDb.joinNetwork(NETWORK, now));
      return () => others.every(isOnNetwork);
    case 'node leaves network':
      simulation.call(node, ({ networkDb }, now) => networkDb.leaveNetwork(NETWORK, now));
      return () => !others.some(isOnNetwork);
    case 'node leaves cluster':
      simulation.call(node, (member, now) => member.leave(now));
      simulation.at(simulation.now + REST, () => simulation.kill(node));
      return () => others.every((other) => (state(other, name) ?? NodeState.Left) >= NodeState.Dead);
    case 'node dies':
      simulation.kill(node);
      return () => others.every((other) => (state(other, name) ?? NodeState.Dead) === NodeState.Dead);
    case 'node joins cluster':
    case 'node restarts under a new name': {
      simulation.kill(node);
      simulation.start(node);
      const manager = simulation.node(0).endpoint;
      simulation.call(node, ({ networkDb }, now) => networkDb.join([manager], now));
      return () => others.every((other) => state(other, node.name) === NodeState.Alive && !isOnNetwork(other));
    }
  }
}
