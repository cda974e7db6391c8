/** What `up` runs: a node that knows the others from its config, or one that learns them from gossip. */
import type { EndpointReport, LiveVtep, StatusSections } from '../../live/index.js';
import type { RingOutcome, Topology } from '../../overlay/index.js';
import { startLines } from './up-start.js';

/** A running node. */
export interface UpNode {
  readonly vtep: LiveVtep;
  /** Sections of its status besides those of the VTEP. */
  readonly sections: StatusSections;
  /** What it says when it starts. */
  readonly lines: readonly string[];
  /** Counters of its endpoints, by what they are called. */
  readonly endpointReports: ReadonlyMap<string, EndpointReport>;
  /** Metrics besides those of the VTEP. */
  metrics(): string;
  /** Runs until aborted. */
  run(signal: AbortSignal): Promise<void>;
  /**
   * Follows a new config.
   * @throws VtepError: the config, or a part of it, is not followed then
   */
  update(topology: Topology): Promise<RingOutcome | undefined>;
  /** Resolves when all endpoints have a device or were reported. */
  devicesSettled(): Promise<void>;
  close(): Promise<void>;
}

/** A node that knows the others from its config. */
export class ConfiguredNode implements UpNode {
  readonly sections: StatusSections = new Map();

  constructor(readonly vtep: LiveVtep) {}

  get lines(): readonly string[] {
    return startLines(this.vtep);
  }

  get endpointReports(): ReadonlyMap<string, EndpointReport> {
    return this.vtep.endpointReports;
  }

  metrics(): string {
    return '';
  }

  run(signal: AbortSignal): Promise<void> {
    return this.vtep.run(signal);
  }

  update(topology: Topology): Promise<RingOutcome | undefined> {
    return Promise.resolve(this.vtep.update(topology));
  }

  devicesSettled(): Promise<void> {
    return this.vtep.devicesSettled();
  }

  close(): Promise<void> {
    return this.vtep.close();
  }
}
