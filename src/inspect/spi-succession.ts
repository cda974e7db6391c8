/** The sequence of SPIs that a node uses to send to another. */

/** Packets of an SPI that arrive within this many seconds of the next SPI's last one are late, not a switch back. */
const REORDER_SECONDS = 1;

/** A period of sending with one SPI. Times are seconds since the capture's beginning, or NaN. */
export interface Turn {
  /** Id of the SPI's row. */
  readonly id: number;
  first: number;
  last: number;
  /** Packets that arrived after the next turn had begun. */
  late: number;
}

/** Packets of another SPI since the last packet of the current turn. */
interface Return {
  readonly id: number;
  first: number;
  last: number;
  packets: number;
}

/** Follows the SPIs of one direction, including returns to earlier ones. */
export class SpiSuccession {
  readonly turns: Turn[] = [];
  /** The last turn of each SPI. */
  readonly #last = new Map<number, Turn>();
  #return: Return | undefined;

  /**
   * Records the next packet.
   * @param id id of its SPI's row
   * @param time in seconds since the capture's beginning, or NaN
   * @param mayReturn whether there is room for another turn of an earlier SPI
   * @returns whether such a turn began
   */
  add(id: number, time: number, mayReturn: boolean): boolean {
    const turn = this.turns.at(-1);
    if (turn === undefined || !this.#last.has(id)) {
      this.#overlap();
      this.#begin({ id, first: time, last: time, late: 0 });
      return false;
    }
    if (turn.id === id) {
      this.#overlap();
      extend(turn, time);
      return false;
    }
    let back = this.#return;
    if (back?.id !== id) {
      this.#overlap();
      back = { id, first: time, last: time, packets: 0 };
      this.#return = back;
    }
    back.packets++;
    extend(back, time);
    if (!(time - turn.last > REORDER_SECONDS)) return false;
    this.#return = undefined;
    // Without room, the turn in between is dropped.
    if (!mayReturn) this.turns.pop();
    const before = this.turns.at(-1);
    if (before?.id === id) extend(before, time);
    else this.#begin({ id, first: back.first, last: back.last, late: 0 });
    return true;
  }

  /** Ends the capture: packets that belong to no turn count as late. */
  end(): readonly Turn[] {
    this.#overlap();
    return this.turns;
  }

  #begin(turn: Turn): void {
    this.turns.push(turn);
    this.#last.set(turn.id, turn);
  }

  #overlap(): void {
    const back = this.#return;
    this.#return = undefined;
    if (back === undefined) return;
    const turn = this.#last.get(back.id);
    if (turn === undefined) return;
    turn.late += back.packets;
    extend(turn, back.last);
  }
}

function extend(span: { first: number; last: number }, time: number): void {
  if (Number.isNaN(time)) return;
  // Times may go backwards.
  if (!(time >= span.first)) span.first = time;
  if (!(time <= span.last)) span.last = time;
}
