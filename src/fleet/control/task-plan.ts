/** Which tasks a service lacks, and which it has too many of. Pure. */
import { Deployment, PublishMode } from '../../overlay/index.js';
import { AllocationState, type ServiceRecord } from '../records/schemas.js';
import { type OverlayView } from './overlay-view.js';
import { type Task, tasksOf } from './tasks.js';

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
  /** Services with slots that no node can take, and how many. */
  readonly unplaced: ReadonlyMap<string, number>;
}

/** How many tasks each node has. */
class NodeLoad {
  readonly #all = new Map<string, number>();
  readonly #ofService = new Map<string, number>();
  readonly #hostPorts = new Set<string>();

  constructor(nodes: Iterable<string>) {
    for (const node of nodes) this.#all.set(node, 0);
  }

  add(node: string, service: ServiceRecord): void {
    this.#all.set(node, (this.#all.get(node) ?? 0) + 1);
    const key = JSON.stringify([node, service.name]);
    this.#ofService.set(key, (this.#ofService.get(key) ?? 0) + 1);
    for (const port of hostPorts(service)) this.#hostPorts.add(JSON.stringify([node, port]));
  }

  has(node: string, { name }: ServiceRecord): boolean {
    return this.#ofService.has(JSON.stringify([node, name]));
  }

  /** Whether no task has a port in host mode on a node that this service wants there. */
  takes(node: string, service: ServiceRecord): boolean {
    return hostPorts(service).every((port) => !this.#hostPorts.has(JSON.stringify([node, port])));
  }

  /** The node with the fewest tasks of a service, then of all, then by name. */
  best(service: ServiceRecord): string | undefined {
    let best: { node: string; own: number; all: number } | undefined;
    for (const [node, all] of this.#all) {
      if (!this.takes(node, service)) continue;
      const own = this.#ofService.get(JSON.stringify([node, service.name])) ?? 0;
      const better =
        best === undefined ||
        own < best.own ||
        (own === best.own && (all < best.all || (all === best.all && node < best.node)));
      if (better) best = { node, own, all };
    }
    return best?.node;
  }
}

function hostPorts({ ports }: ServiceRecord): string[] {
  return ports.flatMap(({ mode, protocol, published }) =>
    mode === PublishMode.Host ? [`${published}/${protocol}`] : [],
  );
}

/**
 * Compares what services ask for with the tasks there are. A replicated service has the slots from 1 on, and loses the
 * highest first; a global one has a task per node. Tasks of nodes that are gone are made anew on others.
 */
export function planTasks(view: OverlayView): TaskPlan {
  const remove: Task[] = [];
  const create: PlannedTask[] = [];
  const unplaced = new Map<string, number>();
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
    for (const slot of wantedSlots(view, service)) {
      if (keep.has(slot)) continue;
      const node = typeof slot === 'number' ? load.best(service) : load.takes(slot, service) ? slot : undefined;
      if (node === undefined) {
        unplaced.set(service.name, (unplaced.get(service.name) ?? 0) + 1);
        continue;
      }
      load.add(node, service);
      create.push({ service, slot, node, task: undefined });
    }
  }
  return { remove, create, unplaced };
}

function isChanging({ ipam }: OverlayView, service: string): boolean {
  return ipam.services.some(({ id, state }) => id === service && state !== AllocationState.Ready);
}

/** The slots that a service has: numbers from 1 on, or the nodes. */
function wantedSlots({ nodes }: OverlayView, { deploy, replicas }: ServiceRecord): (number | string)[] {
  if (deploy === Deployment.Global) return [...nodes.keys()];
  return nodes.size === 0 ? [] : Array.from({ length: replicas }, (_, i) => i + 1);
}

/** The tasks that stay, by slot: of the nodes that are there, the oldest of each slot, the lowest slots. */
function keptTasks(
  { nodes }: OverlayView,
  { deploy, replicas, networks }: ServiceRecord,
  tasks: readonly Task[],
): Map<number | string, Task> {
  const bySlot = new Map<number | string, Task>();
  for (const task of tasks) {
    if (!nodes.has(task.node) || bySlot.has(task.slot)) continue;
    if (typeof task.slot === 'string' && task.slot !== task.node) continue;
    if ((deploy === Deployment.Global) !== (typeof task.slot === 'string')) continue;
    if (!task.endpoints.every(({ network }) => networks.some((one) => one.network === network))) continue;
    bySlot.set(task.slot, task);
  }
  return deploy === Deployment.Global ? bySlot : new Map([...bySlot].slice(0, replicas));
}
