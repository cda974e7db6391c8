/**
 * Keeps as many tasks of each service as it asks for. A duty of the leader.
 *
 * vtep runs no containers. A task is an interface in each network of its service, which its node makes, in the network
 * namespace that the service's template names if there is one of that name.
 */
import { OverlayError } from '../../overlay/index.js';
import { expandTemplate } from '../../overlay/internal.js';
import { type ServiceRecord } from '../records/schemas.js';
import { type Store } from '../store/store.js';
import { type ControlContext, newId, timeText } from './context.js';
import { createEndpoint, removeEndpoint } from './endpoints.js';
import { type OverlayView, readOverlay } from './overlay-view.js';
import { hasCode } from './records-of.js';
import { Repair, type RepairOptions } from './repair.js';
import { type PlannedTask, planTasks } from './task-plan.js';
import { type Task } from './tasks.js';

/** What the leader gives its duties: `check` throws as soon as it no longer leads. */
export interface Leadership {
  readonly revision: number;
  check(): void;
}

export interface TaskSchedulerOptions extends ControlContext, RepairOptions {}

/** Makes and removes tasks. Passive: `turn` does what there is to do, and returns. */
export class TaskScheduler {
  readonly name = 'tasks';
  readonly #store: Store;
  readonly #options: TaskSchedulerOptions;
  readonly #repair: Repair;
  /** The last text about each service, so that nothing is reported twice. */
  readonly #reported = new Map<string, string>();

  constructor(store: Store, options: TaskSchedulerOptions) {
    this.#store = store;
    this.#options = options;
    this.#repair = new Repair(store, options);
  }

  /**
   * Brings the tasks in line with the services, then puts right what crashed operations left.
   * @throws StoreError as of `Store.put`, and what `check` throws
   */
  async turn(leadership: Pick<Leadership, 'check'>): Promise<void> {
    const check = (): void => {
      leadership.check();
    };
    const view = await readOverlay(this.#store);
    const { remove, create, unplaced } = planTasks(view);
    for (const task of remove) {
      check();
      await this.#remove(task);
    }
    const full = new Set<string>();
    for (const planned of create) {
      check();
      // A service whose network is full gets no more tasks for now.
      if (full.has(planned.service.name)) continue;
      const fault = await this.#create(view, planned);
      if (fault !== undefined) {
        full.add(planned.service.name);
        this.#report(planned.service.name, `task ${planned.service.name}.${planned.slot} waits: ${fault}`);
      }
    }
    for (const [service, count] of unplaced) {
      if (!full.has(service)) this.#report(service, `${count} tasks of ${service} wait: no suitable node`);
      full.add(service);
    }
    for (const service of [...this.#reported.keys()]) if (!full.has(service)) this.#reported.delete(service);
    await this.#repair.turn(view, check);
  }

  async #remove({ id, endpoints }: Task): Promise<void> {
    for (const { network } of endpoints) await removeEndpoint(this.#store, { name: network }, id);
  }

  /** @returns why it can't be made */
  async #create(view: OverlayView, { service, slot, node, task }: PlannedTask): Promise<string | undefined> {
    const { random, now } = this.#options;
    const name = `${service.name}.${slot}`;
    const id = task?.id ?? `${name}.${newId(random)}`;
    const created = task?.created ?? timeText(now());
    const made: string[] = [];
    try {
      const netns = netnsOf(service, slot, node);
      for (const { network, aliases } of service.networks) {
        if (task?.endpoints.some((one) => one.network === network) === true) continue;
        const record = view.networks.get(network)?.record;
        if (record === undefined) throw new OverlayError('REFUSED', `network ${network} not found`);
        await createEndpoint(this.#store, {
          ...{ id, kind: 'container', name: id, network: record, node, created, service: service.name, slot, aliases },
          ...(netns !== undefined && { netns }),
        });
        made.push(network);
      }
      return undefined;
    } catch (error) {
      if (!(error instanceof OverlayError) && !hasCode(error, 'BAD_RECORD')) throw error;
      // A task has an address in all of its networks, or in none.
      for (const network of made) await removeEndpoint(this.#store, { name: network }, id);
      return (error as Error).message;
    }
  }

  #report(service: string, text: string): void {
    if (this.#reported.get(service) === text) return;
    this.#reported.set(service, text);
    this.#options.onEvent?.(text);
  }
}

function netnsOf({ name, netns }: ServiceRecord, slot: number | string, node: string): string | undefined {
  return netns === undefined ? undefined : expandTemplate(netns, { service: name, slot: String(slot), node });
}
