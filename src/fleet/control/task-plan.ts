/** Which tasks a service lacks, and which it has too many of. Pure. */
import { Deployment, PublishMode } from '../../overlay/index.js';
import { AllocationState, type ServiceRecord } from '../records/schemas.js';
import { type OverlayView } from './overlay-view.js';
import { isRunning, type Task, tasksOf } from './tasks.js';

/** A task that is to be made, or whose endpoints are to be completed. */
export interface PlannedTask {
  readonly service: ServiceRecord;
  readonly slot: number | string;
  readonly node: string;
  /** The task, if some of its endpoints are there. */
  readonly task: Task | undefined;
}

export interface TaskPlan {
  readonly remove: readonly Task[];
  readonly create: readonly PlannedTask[];
  /** By service, its slots that no node can take. */
  readonly unplaced: ReadonlyMap<string, readonly (number | string)[]>;
  /** Whether there is more to plan, once these tasks are made. */
  readonly isPartial: boolean;
}

/** Tasks that are planned at a time: choosing a node for each takes a look at all nodes. */
const MOST_PLANNED = 1000;

/** How many tasks each node has. */
class NodeLoad {
  readonly #all = new Map<string, number>();
  /** By service, the tasks of each node. */
  readonly #ofService = new Map<string, Map<string, number>>();
  /** By port in host mode, the nodes with a task that has it. */
  readonly #hostPorts = new Map<string, Set<string>>();

  constructor(nodes: Iterable<string>) {
    for (const node of nodes) this.#all.set(node, 0);
  }

  add(node: string, service: ServiceRecord): void {
    this.#all.set(node, (this.#all.get(node) ?? 0) + 1);
    const own = this.#own(service);
    own.set(node, (own.get(node) ?? 0) + 1);
    for (const port of hostPorts(service)) {
      const nodes = this.#hostPorts.get(port) ?? new Set();
      this.#hostPorts.set(port, nodes.add(node));
    }
  }

  /** Whether no task has a port in host mode on a node that this service wants there. */
  takes(node: string, service: ServiceRecord): boolean {
    return !this.#taken(service).some((nodes) => nodes.has(node));
  }

  /** The node with the fewest tasks of a service, then of all, then by name. */
  best(service: ServiceRecord): string | undefined {
    const counts = this.#own(service);
    const taken = this.#taken(service);
    let best: { node: string; own: number; all: number } | undefined;
    for (const [node, all] of this.#all) {
      if (taken.some((nodes) => nodes.has(node))) continue;
      const own = counts.get(node) ?? 0;
      const better =
        best === undefined ||
        own < best.own ||
        (own === best.own && (all < best.all || (all === best.all && node < best.node)));
      if (better) best = { node, own, all };
    }
    return best?.node;
  }

  #own({ name }: ServiceRecord): Map<string, number> {
    const known = this.#ofService.get(name);
    if (known !== undefined) return known;
    const counts = new Map<string, number>();
    this.#ofService.set(name, counts);
    return counts;
  }

  /** The nodes that have a port of a service, by port. */
  #taken(service: ServiceRecord): ReadonlySet<string>[] {
    return hostPorts(service).flatMap((port) => this.#hostPorts.get(port) ?? []);
  }
}

function hostPorts({ ports }: ServiceRecord): string[] {
  return ports.flatMap(({ mode, protocol, published }) =>
    mode === PublishMode.Host ? [`${published}/${protocol}`] : [],
  );
}

/**
 * Compares what services ask for with the tasks there are, by Docker's rules. A replicated service takes the lowest
 * slots that are free, each on the node with the fewest of its tasks; to lose some, it first gives up those that don't
 * run, then those of the nodes with the most. A global one has a task per node. Tasks of nodes that are gone are made
 * anew on others.
 */
export function planTasks(view: OverlayView): TaskPlan {
  const remove: Task[] = [];
  const create: PlannedTask[] = [];
  const unplaced = new Map<string, (number | string)[]>();
  let isPartial = false;
  const tasks = tasksOf(view);
  const load = new NodeLoad(view.nodes.keys());
  const kept = new Map<string, Map<number | string, Task>>();
  const services = [...view.services.values()].filter(({ id }) => !isChanging(view, id));
  for (const service of services) {
    const keep = keptTasks(view, service, tasks.get(service.name) ?? []);
    kept.set(service.name, keep);
    for (const { node } of keep.values()) load.add(node, service);
  }
  for (const [name, all] of tasks) {
    const service = view.services.get(name);
    // Those of a service that is being removed go with it.
    if (service !== undefined && isChanging(view, service.id)) continue;
    if (service === undefined && view.ipam.services.some((entry) => entry.name === name)) continue;
    for (const task of all) if (kept.get(name)?.get(task.slot) !== task) remove.push(task);
  }
  for (const service of services) {
    const keep = kept.get(service.name) ?? new Map<number | string, Task>();
    for (const task of keep.values()) {
      const complete = service.networks.every(({ network }) => task.endpoints.some((one) => one.network === network));
      if (!complete) create.push({ service, slot: task.slot, node: task.node, task });
    }
    const missing = missingSlots(view, service, keep);
    for (const [index, slot] of missing.entries()) {
      if (create.length >= MOST_PLANNED) {
        isPartial = true;
        break;
      }
      const node = typeof slot === 'number' ? load.best(service) : load.takes(slot, service) ? slot : undefined;
      if (node === undefined) {
        // Where there is no node for a replica, there is none for the others.
        const left = typeof slot === 'number' ? missing.slice(index) : [slot];
        unplaced.set(service.name, [...(unplaced.get(service.name) ?? []), ...left]);
        if (typeof slot === 'number') break;
        continue;
      }
      load.add(node, service);
      create.push({ service, slot, node, task: undefined });
    }
  }
  return { remove, create, unplaced, isPartial };
}

function isChanging({ ipam }: OverlayView, service: string): boolean {
  return ipam.services.some(({ id, state }) => id === service && state !== AllocationState.Ready);
}

/** The slots that a service lacks: the lowest numbers that are free, or nodes. */
function missingSlots(
  { nodes }: OverlayView,
  { deploy, replicas }: ServiceRecord,
  keep: ReadonlyMap<number | string, Task>,
): (number | string)[] {
  if (deploy === Deployment.Global) return [...nodes.keys()].filter((node) => !keep.has(node));
  const missing: number[] = [];
  for (let slot = 1; keep.size + missing.length < replicas; slot++) if (!keep.has(slot)) missing.push(slot);
  return missing;
}

/** The tasks that stay, by slot: of the nodes that are there, the oldest of each slot; not more than asked for. */
function keptTasks({ nodes }: OverlayView, service: ServiceRecord, tasks: readonly Task[]): Map<number | string, Task> {
  const { deploy, replicas, networks } = service;
  const bySlot = new Map<number | string, Task>();
  for (const task of tasks) {
    if (!nodes.has(task.node) || bySlot.has(task.slot)) continue;
    if (typeof task.slot === 'string' && task.slot !== task.node) continue;
    if ((deploy === Deployment.Global) !== (typeof task.slot === 'string')) continue;
    if (!task.endpoints.every(({ network }) => networks.some((one) => one.network === network))) continue;
    bySlot.set(task.slot, task);
  }
  if (deploy === Deployment.Global || bySlot.size <= replicas) return bySlot;
  const kept = spreadOut([...bySlot.values()], service).slice(0, replicas);
  return new Map(kept.map((task) => [task.slot, task]));
}

/**
 * Tasks in the order in which a service that is scaled down keeps them: those that are the first on their node, those
 * that are the second, and so on, where running ones are counted first.
 */
function spreadOut(tasks: readonly Task[], service: ServiceRecord): Task[] {
  const running = new Set(tasks.filter((task) => isRunning(task, service)));
  const counts = new Map<string, number>();
  return [...running, ...tasks.filter((task) => !running.has(task))]
    .map((task) => {
      const index = (counts.get(task.node) ?? 0) + 1;
      counts.set(task.node, index);
      return { task, index };
    })
    .sort((one, other) => one.index - other.index)
    .map(({ task }) => task);
}
