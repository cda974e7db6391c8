/** The tasks of services, as the endpoints in a store show them. A task has an endpoint per network, all of one id. */
import { type EndpointRecord, type ServiceRecord } from '../records/schemas.js';
import { type OverlayView } from './overlay-view.js';

/** A task. */
export interface Task {
  /** `SERVICE.SLOT.ID25`, Docker's name of a task's container. */
  readonly id: string;
  readonly service: string;
  readonly slot: number | string;
  readonly node: string;
  readonly created: string;
  readonly endpoints: readonly EndpointRecord[];
}

/**
 * The tasks of each service, in the order of their slots, then the oldest first. Services that are gone, too.
 * @param view what the store has
 */
export function tasksOf({ networks }: OverlayView): Map<string, Task[]> {
  const byId = new Map<string, EndpointRecord[]>();
  for (const { endpoints } of networks.values()) {
    for (const endpoint of endpoints.values()) {
      if (endpoint.service === undefined || endpoint.slot === undefined) continue;
      // Two nodes, or slots, under one id would be two tasks.
      const key = JSON.stringify([endpoint.service, endpoint.slot, endpoint.node, endpoint.id]);
      const known = byId.get(key);
      if (known === undefined) byId.set(key, [endpoint]);
      else known.push(endpoint);
    }
  }
  const tasks = new Map<string, Task[]>();
  for (const endpoints of byId.values()) {
    const [{ id, service = '', slot = '', node, created }] = endpoints;
    const task: Task = { id, service, slot, node, created, endpoints };
    const known = tasks.get(service);
    if (known === undefined) tasks.set(service, [task]);
    else known.push(task);
  }
  for (const of of tasks.values()) of.sort(compareTasks);
  return tasks;
}

function compareTasks(one: Task, other: Task): number {
  return compare(one.slot, other.slot) || compare(one.created, other.created) || compare(one.id, other.id);
}

/** Numbers before text. */
function compare(one: number | string, other: number | string): number {
  if (typeof one !== typeof other) return typeof one === 'number' ? -1 : 1;
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Whether a task has an endpoint in each network of its service, and its node has all of the interfaces. */
export function isRunning({ endpoints }: Task, { networks }: ServiceRecord): boolean {
  return networks.every(({ network }) => endpoints.some((one) => one.network === network && one.running));
}
