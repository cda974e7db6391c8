import { type Random } from '../random.js';
import { NetworkDbCounts } from './counts.js';
import { LamportClock } from './lamport-clock.js';
import { type NetworkDbParameters } from './parameters.js';
import { type TableChange } from './table-change.js';

/** What NetworkDB needs from outside. */
export interface NetworkDbPorts {
  readonly random: Random;
  /** Is called for each change of a table that watchers see. It must not call NetworkDB back. */
  readonly changed: (change: TableChange) => void;
}

/** What the parts of NetworkDB share: who this node is, how it behaves, its clocks and its counts. */
export class DbContext {
  /** This node's name. */
  readonly name: string;
  readonly parameters: NetworkDbParameters;
  readonly random: Random;
  readonly changed: (change: TableChange) => void;
  readonly counts = new NetworkDbCounts();
  /** Counts node and network events. */
  readonly networkClock = new LamportClock();
  /** Counts table events. */
  readonly tableClock = new LamportClock();

  constructor(name: string, parameters: NetworkDbParameters, { random, changed }: NetworkDbPorts) {
    this.name = name;
    this.parameters = parameters;
    this.random = random;
    this.changed = changed;
  }

  /** Records the time of another node's event. Returns false, and counts it, if it is impossibly far ahead. */
  witness(clock: LamportClock, lTime: number): boolean {
    if (clock.witness(lTime)) return true;
    this.counts.impossibleTimes += 1;
    return false;
  }
}
