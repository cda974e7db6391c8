/** Rejects containers that the scheduler places on this node, which runs none. */
import { type Task, TaskState } from '../messages.js';
import type { ManagerSession } from './manager-session.js';

/** Maximum number of rejected tasks that are remembered. */
const MAX_REMEMBERED = 10_000;
/** Maximum number of services that are reported. */
const MAX_SERVICES = 1_000;

/** Rejects tasks once each. */
export class TaskRejection {
  readonly #rejected = new Set<string>();
  readonly #services = new Set<string>();
  readonly #onService: (serviceId: string, name: string) => void;

  /** @param onService called once for each service */
  constructor(onService: (serviceId: string, name: string) => void) {
    this.#onService = onService;
  }

  /** Forgets what was rejected: it is reported again in a new session. */
  restart(): void {
    this.#rejected.clear();
  }

  /** Rejects the tasks of services among the assigned ones. */
  reject(tasks: Iterable<Task>, session: ManagerSession): void {
    const updates: { taskId: string; state: number; message: string; err: string }[] = [];
    for (const { id, spec, status, desiredState, serviceId, serviceAnnotations } of tasks) {
      const isOver = (status?.state ?? 0) > TaskState.Running || desiredState > TaskState.Running;
      if (spec?.attachment !== undefined || isOver || this.#rejected.has(id)) continue;
      if (this.#rejected.size >= MAX_REMEMBERED) this.#rejected.clear();
      this.#rejected.add(id);
      updates.push({ taskId: id, state: TaskState.Rejected, message: 'rejected', err: 'vtep runs no containers' });
      if (this.#services.has(serviceId) || this.#services.size >= MAX_SERVICES) continue;
      this.#services.add(serviceId);
      this.#onService(serviceId, serviceAnnotations?.name ?? '');
    }
    if (updates.length === 0) return;
    // Those that weren't reported are rejected again with the next change.
    session.report(updates).catch(() => {
      for (const { taskId } of updates) this.#rejected.delete(taskId);
    });
  }
}
