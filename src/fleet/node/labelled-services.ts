/** The services of a store that have labels. */
import type { ServiceLabels } from '../../overlay/index.js';
import type { NetworkRecord, ServiceRecord } from '../records/schemas.js';
import { labelsOf } from './overlay-values.js';

/** Where the labels of services go. */
interface LabelsSink {
  set(service: string, labels: ServiceLabels | undefined): void;
}

/** Keeps labels in line with the records of services, whose networks needn't be known yet. */
export class LabelledServices {
  readonly #services: ReadonlyMap<string, ServiceRecord>;
  readonly #networks: ReadonlyMap<string, NetworkRecord>;
  readonly #sink: LabelsSink;
  /** Names. */
  readonly #changed = new Set<string>();
  #ingressChanged = false;

  /**
   * @param services all, by name
   * @param networks all, by name
   */
  constructor(
    services: ReadonlyMap<string, ServiceRecord>,
    networks: ReadonlyMap<string, NetworkRecord>,
    sink: LabelsSink,
  ) {
    this.#services = services;
    this.#networks = networks;
    this.#sink = sink;
  }

  /** Number of changes since the last `take`. */
  get changed(): number {
    return this.#changed.size;
  }

  /** A service came, changed or went. */
  change(service: string): void {
    this.#changed.add(service);
  }

  /** A network came or went. */
  changeNetwork({ ingress }: NetworkRecord): void {
    this.#ingressChanged ||= ingress;
  }

  /** Hands on what changed. */
  take(): void {
    const names = this.#ingressChanged ? new Set([...this.#services.keys(), ...this.#changed]) : this.#changed;
    const isIngress = (network: string): boolean => this.#networks.get(network)?.ingress === true;
    for (const name of names) {
      const record = this.#services.get(name);
      this.#sink.set(name, record && labelsOf(record, isIngress));
    }
    this.#changed.clear();
    this.#ingressChanged = false;
  }
}
