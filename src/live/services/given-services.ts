/** The services that a node was given, as a whole or by single changes. */
import {
  Compatibility,
  type GatewaySettings,
  type MeshSettings,
  type ServiceChange,
  ServiceChangeKind,
  type ServiceLabels,
  type ServiceNetworkSet,
  type ServiceRecord,
  type ServiceSet,
} from '../../overlay/index.js';

/** Services that change. */
export class GivenServices {
  readonly networks = new Map<string, ServiceNetworkSet>();
  /** Of services that have some, by name of the service. */
  readonly labels = new Map<string, ServiceLabels>();
  /** In the order in which they were learned. */
  readonly #records = new Map<string, ServiceRecord>();
  /** Records of this node's tasks and containers. */
  readonly #own = new Map<string, ServiceRecord>();
  readonly #node: string;
  #given = false;
  #gateway: GatewaySettings | undefined;
  #compatibility: Compatibility = Compatibility.Docker;
  #mesh: MeshSettings | undefined;

  /** @param node this node's name */
  constructor(node: string) {
    this.#node = node;
  }

  /** Whether there are services, if only an empty set. */
  get given(): boolean {
    return this.#given;
  }

  get gateway(): GatewaySettings | undefined {
    return this.#gateway;
  }

  get compatibility(): Compatibility {
    return this.#compatibility;
  }

  /** The mesh of the last set. */
  get mesh(): MeshSettings | undefined {
    return this.#mesh;
  }

  get records(): Iterable<ServiceRecord> {
    return this.#records.values();
  }

  /** Those of this node. */
  get own(): Iterable<ServiceRecord> {
    return this.#own.values();
  }

  /** Takes over a set instead of everything before. */
  replace(set: ServiceSet | undefined): void {
    this.networks.clear();
    this.labels.clear();
    this.#records.clear();
    this.#own.clear();
    this.#given = set !== undefined;
    this.#gateway = set?.gateway;
    this.#compatibility = set?.compatibility ?? Compatibility.Docker;
    this.#mesh = set?.mesh;
    for (const network of set?.networks ?? []) this.networks.set(network.name, network);
    for (const record of set?.records ?? []) this.#setRecord(record);
    for (const labels of set?.labels ?? []) this.labels.set(labels.service, labels);
  }

  /** Follows a change. Without services, it starts with none, and without a gateway. */
  apply(change: ServiceChange): void {
    this.#given = true;
    switch (change.kind) {
      case ServiceChangeKind.SetNetwork:
        this.networks.set(change.network.name, change.network);
        return;
      case ServiceChangeKind.RemoveNetwork:
        if (!this.networks.delete(change.name)) return;
        for (const [key, { network }] of this.#records) if (network === change.name) this.#deleteRecord(key);
        return;
      case ServiceChangeKind.SetRecord:
        // As everywhere: a record on an unknown network is refused.
        this.#setRecord(change.record);
        return;
      case ServiceChangeKind.RemoveRecord:
        this.#deleteRecord(keyOf(change));
        return;
      case ServiceChangeKind.SetLabels:
        this.labels.set(change.labels.service, change.labels);
        return;
      case ServiceChangeKind.RemoveLabels:
        this.labels.delete(change.service);
    }
  }

  #setRecord(record: ServiceRecord): void {
    const key = keyOf(record);
    this.#records.set(key, record);
    if (record.node === this.#node) this.#own.set(key, record);
    else this.#own.delete(key);
  }

  #deleteRecord(key: string): void {
    this.#records.delete(key);
    this.#own.delete(key);
  }
}

function keyOf({ network, endpoint }: Pick<ServiceRecord, 'network' | 'endpoint'>): string {
  return JSON.stringify([network, endpoint]);
}
