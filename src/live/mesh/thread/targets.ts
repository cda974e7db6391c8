/** The targets of a mesh: each once, whichever routes lead there, and the same over changes that don't concern it. */
import { createHash } from 'node:crypto';
import { BackendMode, type Route } from '../../../mesh/index.js';
import { backendsKey, type PlannedBackends } from '../plan.js';
import { Backends } from '../routing/backends.js';
import { Target } from '../routing/target.js';
import { LeavingTargets } from './leaving-targets.js';

/** Hexadecimal digits of a cookie. */
const COOKIE_DIGITS = 16;

/**
 * What a cookie of the mesh says for a task: the same on all nodes, and without its address.
 * @param service name of its service
 * @param task name of the task
 */
export function cookieOf(service: string, task: string): string {
  return createHash('sha256').update(`${service}\n${task}`).digest('hex').slice(0, COOKIE_DIGITS);
}

/** Backends of a port. */
interface PortBackends {
  readonly port: number;
  readonly mode: BackendMode;
  readonly backends: Backends;
  /** By task and address. */
  targets: Map<string, Target>;
  /** Whether a route leads there; checked after the routes have changed. */
  isUsed: boolean;
}

/** A service on a network. */
interface ServiceBackends {
  planned: PlannedBackends;
  readonly ports: Map<string, PortBackends>;
}

/** What becomes of targets. */
export interface TargetsOptions {
  /** Monotonic, in milliseconds. */
  readonly clock: () => number;
  /** Called when no route leads to a target any more. */
  readonly onLeaving: (target: Target) => void;
  /** Called when what is under way at a target is to be ended: its task is gone. */
  readonly onGone: (target: Target) => void;
}

/** The targets. */
export class Targets {
  readonly #services = new Map<string, ServiceBackends>();
  readonly #leaving: LeavingTargets;
  readonly #options: TargetsOptions;

  constructor(options: TargetsOptions) {
    this.#options = options;
    this.#leaving = new LeavingTargets(options.onGone);
  }

  /** Targets that no route leads to any more, and that still have requests or connections under way. */
  get leaving(): readonly Target[] {
    return this.#leaving.list;
  }

  /** Takes over the backends of a service on a network. Targets that were there before stay as they are. */
  set(planned: PlannedBackends): void {
    const service = this.#of(planned.service, planned.network);
    service.planned = planned;
    for (const port of service.ports.values()) this.#fill(planned, port);
    this.#leaving.follow(planned, this.#options.clock());
  }

  /** Called a few times per second. @param now the mesh's clock */
  sweep(now: number): void {
    this.#leaving.sweep(now);
  }

  /** Forgets a service on a network. */
  forget(service: string, network: string): void {
    const key = backendsKey(service, network);
    const known = this.#services.get(key);
    if (known === undefined) return;
    this.set({ service, network, vip: undefined, tasks: [], draining: [] });
    if (known.ports.size === 0) this.#services.delete(key);
  }

  /** The backends of a route, shared with others to the same port. Its port and network are known. */
  backendsOf({ service, network = '', port = 0, mode }: Route): Backends {
    const known = this.#of(service, network);
    const key = `${mode} ${port}`;
    let found = known.ports.get(key);
    if (found === undefined) {
      found = { port, mode, backends: new Backends(), targets: new Map(), isUsed: true };
      known.ports.set(key, found);
      this.#fill(known.planned, found);
    }
    found.isUsed = true;
    return found.backends;
  }

  /** Takes all targets back in: they are reached another way from now on. */
  forgetFailures(now: number): void {
    for (const { ports } of this.#services.values()) {
      for (const { targets } of ports.values()) for (const target of targets.values()) target.forgetFailures(now);
    }
  }

  /** Begins a change of the routes: those whose backends are asked for until `endRoutes` are all. */
  beginRoutes(): void {
    for (const { ports } of this.#services.values()) for (const port of ports.values()) port.isUsed = false;
  }

  /** Drops the targets that no route leads to. */
  endRoutes(): void {
    for (const [key, { ports, planned }] of this.#services) {
      for (const [name, port] of ports) {
        if (port.isUsed) continue;
        ports.delete(name);
        for (const target of port.targets.values()) this.#leave(target, planned);
      }
      if (ports.size === 0 && planned.tasks.length === 0 && planned.vip === undefined) this.#services.delete(key);
    }
  }

  #of(service: string, network: string): ServiceBackends {
    const key = backendsKey(service, network);
    let known = this.#services.get(key);
    if (known === undefined) {
      known = { planned: { service, network, vip: undefined, tasks: [], draining: [] }, ports: new Map() };
      this.#services.set(key, known);
    }
    return known;
  }

  #fill(planned: PlannedBackends, port: PortBackends): void {
    const { service, vip, tasks } = planned;
    const before = port.targets;
    const targets = new Map<string, Target>();
    const isVip = port.mode === BackendMode.Vip && vip !== undefined;
    for (const { name, address } of isVip ? [{ name: service, address: vip }] : tasks) {
      const key = `${name} ${address}`;
      targets.set(key, before.get(key) ?? new Target(address, port.port, name, cookieOf(service, name)));
    }
    port.targets = targets;
    port.backends.set([...targets.values()]);
    for (const [key, target] of before) if (!targets.has(key)) this.#leave(target, planned);
  }

  #leave(target: Target, planned: PlannedBackends): void {
    target.isLeaving = true;
    this.#leaving.add(target, planned);
    this.#options.onLeaving(target);
  }
}
