/** Flows: what is sent between two ends, script after script. */
import type { Lane } from './lane.js';
import { Script } from './script.js';

/** What flows ask before they go on. */
export interface Budget {
  /**
   * Asks for packets; those that are then in the script count.
   * @returns how many there may be, at most `wanted`
   */
  ask(wanted: number): number;
  /** Keeps some for later. */
  reserve(count: number): void;
  /** Gives them back, to use them. */
  release(count: number): void;
}

/** A flow. */
export abstract class Flow {
  readonly script = new Script();
  /** Index of the next step. */
  at = 0;
  /** Time of the next packet, in nanoseconds since the first one. */
  time = 0;
  /** Time that its next exchange begins at, at the earliest. */
  due = 0;
  /** Milliseconds of the client's and the server's clocks when the capture begins, for TCP's timestamps. */
  readonly clocks = [0, 0];
  /** Their last timestamps sent. */
  readonly stamps = [0, 0];
  /** Identification of each lane's next inner packet. */
  readonly identifications: Uint16Array;

  constructor(
    readonly lanes: readonly Lane[],
    /** Indices of the lanes in the table. */
    readonly indices: readonly number[],
    /** Mean time between its packets in nanoseconds; 0 if its script says when they are sent. */
    readonly interval: number,
  ) {
    this.identifications = new Uint16Array(lanes.length);
  }

  /** Writes the next exchange into its script, which is empty; if it remains so, the flow has ended. */
  abstract refill(budget: Budget): void;
}

/** A flow that follows one script. */
export class ScriptedFlow extends Flow {
  #done = false;

  constructor(
    lanes: readonly Lane[],
    indices: readonly number[],
    readonly write: (script: Script) => void,
  ) {
    super(lanes, indices, 0);
  }

  refill(): void {
    if (this.#done) return;
    this.#done = true;
    this.write(this.script);
  }
}
