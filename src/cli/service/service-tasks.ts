/** The tasks of a service as `docker service ps` shows them, with those that no node has yet. */
import {
  isRunning,
  type OverlayView,
  planTasks,
  type ServiceRecord,
  type Task,
  type TaskPlan,
  tasksOf,
} from '../../fleet/index.js';
import { shortId } from '../docker-table.js';
import { ageText } from './age-text.js';
import { hostPortsText } from './port-text.js';

/** A line of `docker service ps`. */
export interface TaskRow {
  readonly id: string;
  readonly name: string;
  readonly netns: string;
  readonly node: string;
  readonly desired: 'Running' | 'Shutdown';
  readonly state: string;
  readonly error: string;
  readonly ports: string;
}

/** Lists tasks of services. */
export class ServiceTasks {
  readonly #view: OverlayView;
  readonly #now: number;
  readonly #plan: TaskPlan;
  readonly #tasks: ReadonlyMap<string, readonly Task[]>;

  /** @param now milliseconds since 1970 */
  constructor(view: OverlayView, now: number) {
    this.#view = view;
    this.#now = now;
    this.#plan = planTasks(view);
    this.#tasks = tasksOf(view);
  }

  /** The tasks of a service in the order of their slots; then the slots that no node can take. */
  of(service: ServiceRecord): TaskRow[] {
    return [
      ...(this.#tasks.get(service.name) ?? []).map((task) => this.#rowOf(service, task)),
      ...(this.#plan.unplaced.get(service.name) ?? []).map((slot) => this.#unplaced(service, slot)),
    ];
  }

  #rowOf(service: ServiceRecord, task: Task): TaskRow {
    const { id, slot, node, created, endpoints } = task;
    const isThere = this.#view.nodes.has(node);
    const isLeaving = this.#plan.remove.some((one) => one.id === id && one.node === node);
    const state = !isThere ? 'Orphaned' : isRunning(task, service) ? 'Running' : 'Preparing';
    return {
      id: id.slice(id.lastIndexOf('.') + 1),
      name: `${service.name}.${slot}`,
      netns: endpoints.find(({ netns }) => netns !== undefined)?.netns ?? '',
      node,
      desired: isLeaving ? 'Shutdown' : 'Running',
      state: `${state} ${ageText(Math.max(0, this.#now - Date.parse(created)))} ago`,
      error: isThere ? '' : `"node ${node} is down"`,
      ports: hostPortsText(service.ports),
    };
  }

  #unplaced(service: ServiceRecord, slot: number | string): TaskRow {
    const { size } = this.#view.nodes;
    const nodes = `${size} ${size === 1 ? 'node' : 'nodes'}`;
    const why = size === 0 ? 'no nodes' : `host-mode port already in use on ${nodes}`;
    return {
      ...{ id: '-', name: `${service.name}.${slot}`, netns: '', node: '', desired: 'Running', state: 'Pending' },
      ...{ error: `"no suitable node (${why})"`, ports: '' },
    };
  }
}

/** Docker's, without the quotes. */
const MAX_ERROR = 30;

/** An id and an error as Docker's table shows them. @param whole whether in full */
export function shortened({ id, error }: TaskRow, whole: boolean): Pick<TaskRow, 'id' | 'error'> {
  if (whole || error.length <= MAX_ERROR + 2) return { id: shortId(id, whole), error };
  return { id: shortId(id, whole), error: `${error.slice(0, MAX_ERROR)}…"` };
}
