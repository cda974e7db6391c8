/** Who uses what on a network where two services, or a service and a task, should never use the same. */
import type { BalancedService, HeldRecord } from './balanced-service.js';

/** The services that claim a VIP or a published port, and the one that has it. */
export class ServiceClaim {
  readonly services = new Set<BalancedService>();
  holder: BalancedService | undefined;

  /** The service that Docker's rules lead to: each adds its own after the others, and the last one marks the packet. */
  get last(): BalancedService | undefined {
    let last: BalancedService | undefined;
    for (const service of this.services) last = service;
    return last;
  }

  /** The service that came first. */
  get first(): BalancedService | undefined {
    for (const service of this.services) return service;
    return undefined;
  }
}

/** An address: services that claim it as their VIP, and tasks or containers that have it. */
export class AddressClaim extends ServiceClaim {
  readonly records = new Set<HeldRecord>();
  /** Whether the services were there before the tasks and containers. */
  servicesFirst = false;
}

/** Claims by what is claimed. */
export class Claims<C extends ServiceClaim> {
  readonly #claims = new Map<string, C>();
  readonly #create: () => C;

  constructor(create: () => C) {
    this.#create = create;
  }

  /** The claim to something, a new one if there is none. */
  to(what: string): C {
    let claim = this.#claims.get(what);
    if (claim === undefined) {
      claim = this.#create();
      this.#claims.set(what, claim);
    }
    return claim;
  }

  /** Forgets a claim that nobody makes any more. */
  forget(what: string): void {
    this.#claims.delete(what);
  }
}
