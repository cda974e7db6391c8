/**
 * Keeps as many tasks of each service as it asks for. A duty of the leader.
 *
 * vtep runs no containers. A task is an interface in each network of its service, which its node makes, in the network
 * namespace that the service's template names if there is one of that name.
 */
import { OverlayError } from '../../overlay/index.js';
import { type Leadership } from '../leader/leader.js';
import { type Store, type StoreChange } from '../store/store.js';
import { type ControlContext, newId, timeText } from './context.js';
import { createEndpoint, removeEndpoint } from './endpoints.js';
import { type OverlayView, readOverlay } from './overlay-view.js';
import { OverlayNews } from './overlay-news.js';
import { hasCode } from './records-of.js';
import { Repair, type RepairOptions } from './repair.js';
import { deviceOf, netnsOf } from './task-interface.js';
import { type PlannedTask, planTasks } from './task-plan.js';
import { type Task } from './tasks.js';

/** What can be wrong with a single task, and keeps no other service from getting its own. */
const FAULTS_OF_TASK = ['BAD_RECORD', 'BAD_KEY', 'FULL'] as const;
/** Milliseconds after which a turn leaves the rest to the next one, which reads what has changed meanwhile. */
const LONGEST_TURN = 2000;

export interface TaskSchedulerOptions extends ControlContext, RepairOptions {}

/**
 * Makes and removes tasks. Passive: `turn` does what there is to do, and returns. One that is given the changes of the
 * store (`observe`) reads the records only if something in them may ask for it; one that is given none reads them in
 * every turn.
 */
export class TaskScheduler {
  readonly name = 'tasks';
  readonly #store: Store;
  readonly #options: TaskSchedulerOptions;
  readonly #repair: Repair;
  /** The last text about each service, so that nothing is reported twice. */
  readonly #reported = new Map<string, string>();
  readonly #news: OverlayNews;

  constructor(store: Store, options: TaskSchedulerOptions) {
    this.#store = store;
    this.#options = options;
    this.#repair = new Repair(store, options);
    this.#news = new OverlayNews(options.clock);
  }

  /** Takes up a change that a watch reports: all of those of nodes, networks and services with what is below, or none. */
  observe(change: StoreChange): void {
    this.#news.observe(change);
  }

  /**
   * Brings the tasks in line with the services, then puts right what crashed operations left.
   * @throws StoreError as of `Store.put`, and what `check` throws
   */
  async turn(leadership: Pick<Leadership, 'check'>): Promise<void> {
    const check = (): void => {
      leadership.check();
    };
    if (!this.#news.isDue(leadership, this.#repair.due)) return;
    const view = await this.#news.read(() => readOverlay(this.#store));
    const { clock } = this.#options;
    const end = clock() + LONGEST_TURN;
    const { remove, create, unplaced, isPartial } = planTasks(view);
    for (const task of remove) {
      check();
      if (clock() >= end) return;
      await this.#remove(task);
    }
    const full = new Set<string>();
    const waiting = new Set<string>();
    for (const planned of create) {
      check();
      if (clock() >= end) return;
      // A service whose network is full gets no more tasks for now.
      if (full.has(planned.service.name)) continue;
      const fault = await this.#create(view, planned);
      if (fault !== undefined) {
        // A key that is too long is that of one node.
        if (!hasCode(fault, 'BAD_KEY')) full.add(planned.service.name);
        waiting.add(planned.service.name);
        this.#report(planned.service.name, `task ${planned.service.name}.${planned.slot} waits: ${fault.message}`);
      }
    }
    for (const [service, { length }] of unplaced) {
      if (!waiting.has(service)) this.#report(service, `${length} tasks of ${service} wait: no suitable node`);
      waiting.add(service);
    }
    for (const service of [...this.#reported.keys()]) if (!waiting.has(service)) this.#reported.delete(service);
    await this.#repair.turn(view, check);
    if (!isPartial) this.#news.done(leadership, view);
  }

  async #remove({ id, endpoints }: Task): Promise<void> {
    for (const { network } of endpoints) await removeEndpoint(this.#store, { name: network }, id);
  }

  /** @returns why it can't be made */
  async #create(view: OverlayView, { service, slot, node, task }: PlannedTask): Promise<Error | undefined> {
    const { random, now } = this.#options;
    const name = `${service.name}.${slot}`;
    const id = task?.id ?? `${name}.${newId(random)}`;
    const created = task?.created ?? timeText(now());
    const made: string[] = [];
    try {
      const netns = netnsOf(service, { id, slot, node });
      for (const [index, { network, aliases }] of service.networks.entries()) {
        if (task?.endpoints.some((one) => one.network === network) === true) continue;
        const record = view.networks.get(network)?.record;
        if (record === undefined) throw new OverlayError('REFUSED', `network ${network} not found`);
        await createEndpoint(this.#store, {
          ...{ id, kind: 'container', name: id, network: record, node, created, service: service.name, slot, aliases },
          device: deviceOf(service, { id, slot, node }, index),
          ...(netns !== undefined && { netns }),
        });
        made.push(network);
      }
      return undefined;
    } catch (error) {
      if (!(error instanceof OverlayError) && !FAULTS_OF_TASK.some((code) => hasCode(error, code))) throw error;
      // A task has an address in all of its networks, or in none.
      for (const network of made) await removeEndpoint(this.#store, { name: network }, id);
      return error as Error;
    }
  }

  #report(service: string, text: string): void {
    if (this.#reported.get(service) === text) return;
    this.#reported.set(service, text);
    this.#options.onEvent?.(text);
  }
}
