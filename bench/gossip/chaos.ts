/** Random trouble, after which a cluster has to agree again. */
import { NodeState, type SwarmMemberParameters } from '../../src/gossip/index.js';
import { randomInteger, seededRandom } from '../../src/gossip/random.js';
import { type SimulatedNode, type SimulatedWire, Simulation, TABLE } from './simulation.js';

/** Nodes that the others join, as managers are in a swarm. */
const BOOTSTRAP_NODES = 3;

/** A run of random trouble. All times are in milliseconds. */
export interface ChaosOptions {
  readonly seed: number;
  /** @default 3 to 10, by the seed */
  readonly nodes?: number;
  readonly parameters?: SwarmMemberParameters;
  readonly wire?: SimulatedWire;
  /** How long there is trouble. @default 60000 */
  readonly trouble?: number;
  /** How long after it all nodes may take to agree. @default 300000 */
  readonly patience?: number;
  /** Chances of the kinds of trouble. @default {@link ALL_TROUBLE} */
  readonly weights?: Readonly<Record<string, number>>;
}

/** What came of it. */
export interface ChaosResult {
  /** How long nodes took to agree once the trouble was over; undefined if they did not. */
  readonly settled: number | undefined;
  /** What they disagree about. */
  readonly difference: string | undefined;
  /** What was done, and when. */
  readonly log: readonly string[];
}

/** Every kind of trouble. */
export const ALL_TROUBLE: Readonly<Record<string, number>> = {
  create: 6,
  update: 4,
  delete: 4,
  joinNetwork: 3,
  leaveNetwork: 2,
  kill: 1,
  restart: 2,
  restartSameName: 1,
  leave: 1,
  partition: 1,
  oneWay: 1,
  heal: 2,
  stall: 1,
  loss: 1,
};

/** Runs random trouble from a seed, then waits for all nodes to agree. */
export function runChaos(options: ChaosOptions): ChaosResult {
  const { seed, wire, trouble = 60_000, patience = 300_000, weights = ALL_TROUBLE } = options;
  const random = seededRandom(seed ^ 0x5eed);
  const nodes = options.nodes ?? 3 + randomInteger(random, 8);
  const simulation = new Simulation({
    seed,
    nodes,
    skew: 0.02,
    loss: random() < 0.3 ? 0.05 : 0,
    delay: random() < 0.3 ? [1, 200] : [1, 5],
    ...(options.parameters && { parameters: options.parameters }),
    ...(wire && { wire }),
  });
  const chaos = new Chaos(simulation, random, weights);
  chaos.begin();
  while (simulation.now < trouble) {
    simulation.run(simulation.now + 1 + randomInteger(random, 2000));
    chaos.act();
  }
  chaos.end();
  const from = simulation.now;
  let difference: string | undefined;
  simulation.run(from + patience, () => (difference = differenceIn(simulation)) === undefined, 500);
  return { settled: difference === undefined ? simulation.now - from : undefined, difference, log: chaos.log };
}

class Chaos {
  readonly log: string[] = [];
  readonly #simulation: Simulation;
  readonly #random: () => number;
  readonly #kinds: string[] = [];
  readonly #networks = ['net-a', 'net-b'];
  #values = 0;

  constructor(simulation: Simulation, random: () => number, weights: Readonly<Record<string, number>>) {
    this.#simulation = simulation;
    this.#random = random;
    for (const [kind, weight] of Object.entries(weights)) for (let i = 0; i < weight; i += 1) this.#kinds.push(kind);
  }

  begin(): void {
    for (const node of this.#simulation.nodes) this.#start(node);
  }

  /** Ends all trouble, and starts what was killed. */
  end(): void {
    this.#simulation.blocks = undefined;
    this.#simulation.loss = 0;
    for (const node of this.#simulation.nodes) {
      this.#simulation.resume(node);
      if (!node.isRunning && node.index < BOOTSTRAP_NODES) this.#start(node);
    }
  }

  act(): void {
    const kind = this.#pick(this.#kinds);
    const node = this.#pick(this.#simulation.nodes);
    if (this.#do(kind, node)) this.log.push(`${this.#simulation.now}: ${kind} ${node.name}`);
  }

  #do(kind: string, node: SimulatedNode): boolean {
    const simulation = this.#simulation;
    const networkId = this.#pick(this.#networks);
    const isUp = node.isRunning && !node.isStalled;
    const isOn = isUp && node.member.networkDb.ownNetworks().includes(networkId);
    const key = `${node.name}/${randomInteger(this.#random, 4)}`;
    const old = isOn ? node.member.networkDb.value(networkId, TABLE, key) : undefined;
    this.#values += 1;
    const value = Uint8Array.of(this.#values >> 8, this.#values & 0xff);
    switch (kind) {
      case 'create':
        if (!isOn || old !== undefined) return false;
        simulation.call(node, ({ networkDb }, now) => networkDb.createEntry(networkId, TABLE, key, value, now));
        return true;
      case 'update':
        if (!isOn || old === undefined) return false;
        simulation.call(node, ({ networkDb }, now) => networkDb.updateEntry(networkId, TABLE, key, value, now));
        return true;
      case 'delete':
        if (!isOn || old === undefined) return false;
        simulation.call(node, ({ networkDb }, now) => networkDb.deleteEntry(networkId, TABLE, key, now));
        return true;
      case 'joinNetwork':
        if (!isUp || isOn) return false;
        simulation.call(node, ({ networkDb }, now) => networkDb.joinNetwork(networkId, now));
        return true;
      case 'leaveNetwork':
        if (!isOn) return false;
        simulation.call(node, ({ networkDb }, now) => networkDb.leaveNetwork(networkId, now));
        return true;
      case 'kill':
        if (!node.isRunning) return false;
        simulation.kill(node);
        return true;
      case 'restart':
        simulation.kill(node);
        this.#start(node);
        return true;
      case 'restartSameName':
        simulation.kill(node);
        this.#start(node, node.name);
        return true;
      case 'leave':
        if (!isUp) return false;
        simulation.call(node, (member, now) => member.leave(now));
        simulation.at(simulation.now + 1000, () => simulation.kill(node));
        return true;
      case 'partition': {
        const sides = simulation.nodes.map(() => this.#random() < 0.5);
        simulation.blocks = (from, to) => sides[from.index] !== sides[to.index];
        return true;
      }
      case 'oneWay': {
        const other = this.#pick(simulation.nodes);
        const everybody = this.#random() < 0.5;
        simulation.blocks = (from, to) => from === node && (everybody || to === other);
        return true;
      }
      case 'heal':
        simulation.blocks = undefined;
        simulation.loss = 0;
        return true;
      case 'stall':
        if (!isUp) return false;
        if (this.#random() < 0.5) simulation.stall(node);
        else simulation.hold(node);
        simulation.at(simulation.now + 1 + randomInteger(this.#random, 15_000), () => simulation.resume(node));
        return true;
      default:
        simulation.loss = 0.3;
        return true;
    }
  }

  #start(node: SimulatedNode, name?: string): void {
    const simulation = this.#simulation;
    simulation.start(node, name);
    const managers = simulation.nodes.slice(0, BOOTSTRAP_NODES).filter((other) => other !== node);
    simulation.call(node, ({ networkDb }, now) => {
      networkDb.join(
        managers.map(({ endpoint }) => endpoint),
        now,
      );
    });
  }

  #pick<Item>(items: readonly Item[]): Item {
    const item = items[randomInteger(this.#random, items.length)];
    if (item === undefined) throw new RangeError('There is nothing to pick from.');
    return item;
  }
}

/** What the running nodes of a cluster disagree about, or know wrong; undefined if nothing. */
export function differenceIn(simulation: Simulation): string | undefined {
  const running = simulation.running();
  const names = new Set(running.map(({ name }) => name));
  for (const node of running) {
    const { member, networkDb } = node.member;
    for (const name of names) {
      if (member.peer(name)?.state !== NodeState.Alive) return `${node.name} doesn't know that ${name} is alive`;
    }
    for (const peer of member.peers()) {
      if (peer.state === NodeState.Alive && !names.has(peer.name)) return `${node.name} takes ${peer.name} for alive`;
    }
    for (const networkId of networkDb.ownNetworks()) {
      const difference = networkDifference(node, networkId, running);
      if (difference !== undefined) return difference;
    }
  }
  return undefined;
}

function networkDifference(
  node: SimulatedNode,
  networkId: string,
  running: readonly SimulatedNode[],
): string | undefined {
  const expected = new Map<string, string>();
  const nodes: string[] = [];
  for (const { name, member } of running) {
    const { networkDb } = member;
    if (!networkDb.ownNetworks().includes(networkId)) continue;
    nodes.push(name);
    for (const { key, owner, value } of networkDb.entries(networkId, TABLE)) {
      if (owner === name) expected.set(key, `${owner} ${value.join('.')}`);
    }
  }
  const known = node.member.networkDb.nodesOf(networkId).sort().join(' ');
  if (known !== nodes.sort().join(' '))
    return `${node.name} thinks that ${networkId} has ${known}, not ${nodes.join(' ')}`;
  for (const { key, owner, value } of node.member.networkDb.entries(networkId, TABLE)) {
    const text = `${owner} ${value.join('.')}`;
    if (expected.get(key) !== text) return `${node.name} has ${networkId} ${key} ${text}, not ${expected.get(key)}`;
    expected.delete(key);
  }
  const missing = [...expected].at(0);
  return missing === undefined ? undefined : `${node.name} lacks ${networkId} ${missing.join(' ')}`;
}
