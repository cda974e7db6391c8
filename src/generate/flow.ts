/** Flows: what is sent between two ends, script after script. */
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

/** What kind of traffic a flow is. */
export interface Exchanges {
  /** Writes the next exchange into a flow's script, which is empty; if it remains so, the flow has ended. */
  refill(script: Script, budget: Budget): void;
}

/** A flow. One class for all kinds: the plan reads its fields for every packet. */
export class Flow {
  readonly script = new Script();
  /** Index of the next step. */
  at = 0;
  /** Time of the next packet, in nanoseconds since the first one. */
  time = 0;
  /** Time that its next exchange begins at, at the earliest. */
  due = 0;
  /** Milliseconds of the client's and the server's clocks when the capture begins, for TCP's timestamps. */
  clientClock = 0;
  serverClock = 0;
  /** Their last timestamps sent. */
  clientStamp = 0;
  serverStamp = 0;
  /** Identification of the next inner packet. */
  identification = 0;

  constructor(
    /** Index of its first lane in the table; the others follow it. */
    readonly firstLane: number,
    /** Mean time between its packets in nanoseconds; 0 if its script says when they are sent. */
    readonly interval: number,
    readonly exchanges: Exchanges,
  ) {}
}

/** Traffic that follows one script. */
export class Scripted implements Exchanges {
  #done = false;

  constructor(readonly write: (script: Script) => void) {}

  refill(script: Script): void {
    if (this.#done) return;
    this.#done = true;
    this.write(script);
  }
}
