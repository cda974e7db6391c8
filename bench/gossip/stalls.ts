/** Lifeguard's experiment: some nodes stall again and again, and healthy nodes are declared dead for it. */
import { PLAIN_SWIM } from '../../src/gossip/index.js';
import { Simulation } from './simulation.js';

/** How nodes stall. All times are in milliseconds. */
export interface StallOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly stalled: number;
  /** How long each stall lasts, and the time until the next one. */
  readonly stallTime: number;
  readonly runTime: number;
  /** How long it goes on. */
  readonly duration: number;
  readonly lifeguard: boolean;
  /** Whether only packets are held up, or the process too. */
  readonly kind: 'held' | 'stalled';
}

/** What came of it. */
export interface StallResult {
  /** Healthy nodes declared dead, as healthy nodes saw it. */
  readonly falseAtHealthy: number;
  /** Healthy nodes declared dead, as any node saw it. */
  readonly falseAnywhere: number;
  /** Healthy nodes that some healthy node took for dead at least once. */
  readonly victims: number;
  /** Stalled nodes declared dead, as healthy nodes saw it. */
  readonly stalledAtHealthy: number;
}

/** Runs the experiment. */
export function stallNodes(options: StallOptions): StallResult {
  const { seed, nodes, stalled, stallTime, runTime, duration, lifeguard, kind } = options;
  let falseAtHealthy = 0;
  let falseAnywhere = 0;
  let stalledAtHealthy = 0;
  const victims = new Set<string>();
  const healthyNames = new Set<string>();
  const isHealthy = (index: number): boolean => index >= stalled;
  const simulation = new Simulation({
    seed,
    nodes,
    parameters: { member: lifeguard ? {} : PLAIN_SWIM },
    onMemberEvent: (at, event) => {
      if (event.kind !== 'failed') return;
      if (!healthyNames.has(event.peer.name)) {
        if (isHealthy(at.index)) stalledAtHealthy += 1;
        return;
      }
      falseAnywhere += 1;
      if (!isHealthy(at.index)) return;
      falseAtHealthy += 1;
      victims.add(event.peer.name);
    },
  });
  simulation.startFormed('network');
  for (const node of simulation.nodes) {
    if (isHealthy(node.index)) {
      healthyNames.add(node.name);
      continue;
    }
    const stall = (): void => {
      if (kind === 'held') simulation.hold(node);
      else simulation.stall(node);
      simulation.at(simulation.now + stallTime, () => {
        simulation.resume(node);
        if (simulation.now < duration) simulation.at(simulation.now + runTime, stall);
      });
    };
    simulation.at(1 + Math.floor(simulation.random() * (stallTime + runTime)), stall);
  }
  simulation.run(duration);
  return { falseAtHealthy, falseAnywhere, victims: victims.size, stalledAtHealthy };
}
