/** The tables of a running node, as those see them who change them piece by piece. */
import type {
  ServiceChange,
  ServiceSet,
  TakenChanges,
  TakenState,
  Topology,
  TopologyChange,
} from '../../overlay/index.js';
import { serviceDifferences, topologyDifferences } from '../../overlay/internal.js';
import type { LiveVtep } from './live-vtep.js';

/** What gossip or a store changes. */
export interface RunningTables {
  /** Applies all changes or none. */
  apply(changes: readonly TopologyChange[]): void;
  /** Applies all changes or none. */
  applyServices(changes: readonly ServiceChange[]): void;
  readonly topology: Topology;
  readonly services: ServiceSet | undefined;
}

/** Changes that are applied at once: more would delay packets. */
const PIECE = 64;
const NOTHING: TakenChanges = { topology: [], services: [] };

/** Those of a VTEP. */
export function runningTables(vtep: LiveVtep): RunningTables {
  return {
    apply: (changes) => void vtep.apply(changes),
    applyServices: (changes) => vtep.applyServices(changes),
    get topology() {
      return vtep.node.topology;
    },
    get services() {
      return vtep.services.set;
    },
  };
}

/** Changes that were made, and how many of them the tables have. */
export class ChangePieces {
  readonly #tables: RunningTables;
  #changes = NOTHING;
  #topologyApplied = 0;
  #servicesApplied = 0;

  constructor(tables: RunningTables) {
    this.#tables = tables;
  }

  /** How many are yet to be applied. */
  get size(): number {
    const { topology, services } = this.#changes;
    return topology.length - this.#topologyApplied + services.length - this.#servicesApplied;
  }

  /** Takes up changes, once those before are applied or cleared. */
  put(changes: TakenChanges): void {
    this.#changes = changes;
    this.#topologyApplied = 0;
    this.#servicesApplied = 0;
  }

  /** Drops what isn't applied. */
  clear(): void {
    this.put(NOTHING);
  }

  /**
   * Applies the next ones, those of services last.
   * @returns how many; 0 if there are none left
   * @throws what the tables throw; the piece counts as applied
   */
  apply(): number {
    const { topology, services } = this.#changes;
    if (this.#topologyApplied < topology.length) {
      const piece = topology.slice(this.#topologyApplied, this.#topologyApplied + PIECE);
      this.#topologyApplied += piece.length;
      this.#tables.apply(piece);
      return piece.length;
    }
    const piece = services.slice(this.#servicesApplied, this.#servicesApplied + PIECE);
    this.#servicesApplied += piece.length;
    if (piece.length > 0) this.#tables.applyServices(piece);
    return piece.length;
  }
}

/**
 * Applies each difference between tables and what they should hold by itself, so that what can be applied is.
 * @param onFailure gets what the tables throw
 * @returns how many were applied, and how many failed
 */
export function applyDifferences(
  tables: RunningTables,
  wanted: TakenState,
  onFailure: (error: unknown) => void,
): { readonly applied: number; readonly failures: number } {
  let applied = 0;
  let failures = 0;
  const attempt = (apply: () => void): void => {
    try {
      apply();
      applied++;
    } catch (error) {
      failures++;
      onFailure(error);
    }
  };
  for (const change of topologyDifferences(tables.topology, wanted)) attempt(() => tables.apply([change]));
  for (const change of serviceDifferences(tables.services, wanted)) attempt(() => tables.applyServices([change]));
  return { applied, failures };
}
