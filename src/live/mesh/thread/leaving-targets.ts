/** Targets that get nothing new: what is under way there ends in peace, unless their task is gone. */
import type { PlannedBackends } from '../plan.js';
import type { Target } from '../routing/target.js';

/**
 * Milliseconds from a task's removal to the end of what is under way there: nobody answers at its address any more, and
 * clients needn't wait for their time limits. As long as Docker gives containers to end.
 */
export const GONE_PATIENCE = 10_000;

interface Leaving {
  readonly service: string;
  readonly network: string;
  /** By the mesh's clock; undefined while the task is there. */
  goneAt: number | undefined;
}

/** The targets. */
export class LeavingTargets {
  readonly #targets = new Map<Target, Leaving>();
  readonly #onGone: (target: Target) => void;

  /** @param onGone called when what is under way at a target is to be ended */
  constructor(onGone: (target: Target) => void) {
    this.#onGone = onGone;
  }

  /** Adds one that no route leads to any more, if something is under way there. */
  add(target: Target, { service, network }: PlannedBackends): void {
    if (target.active > 0) this.#targets.set(target, { service, network, goneAt: undefined });
  }

  /** Looks which of a service's tasks are still there. @param now the mesh's clock */
  follow({ service, network, vip, tasks, draining }: PlannedBackends, now: number): void {
    for (const [target, leaving] of this.#targets) {
      if (leaving.service !== service || leaving.network !== network) continue;
      const { name, host } = target;
      const isThere =
        host === vip ||
        tasks.some((task) => task.name === name && task.address === host) ||
        draining.some((task) => task.name === name && task.address === host);
      leaving.goneAt = isThere ? undefined : (leaving.goneAt ?? now);
    }
  }

  /** Those that still have requests or connections under way. */
  get list(): readonly Target[] {
    this.#forgetIdle();
    return [...this.#targets.keys()];
  }

  /** Ends what is under way where nobody answers. Called a few times per second. */
  sweep(now: number): void {
    this.#forgetIdle();
    for (const [target, { goneAt }] of this.#targets) {
      if (goneAt === undefined || now - goneAt < GONE_PATIENCE) continue;
      this.#targets.delete(target);
      this.#onGone(target);
    }
  }

  #forgetIdle(): void {
    for (const target of this.#targets.keys()) if (target.active === 0) this.#targets.delete(target);
  }
}
