/** How far the sequence number of an SA went, seen by its lower 32 bits alone (ESN sends no more). */

/** Numbers that a late packet may lie back without the count having begun anew. */
const REORDER_WINDOW = 1024;
/** Numbers that may be missing where the lower half begins anew; more were no wrap. */
const MAX_WRAP_STEP = 2 ** 30;

/** The way from an SA's first packet to its last. */
export class SequenceProgress {
  /** Numbers from the first packet to the last, over all wraps of the lower half. */
  advance = 0;
  /** Whether the lower half wrapped, which it does with ESN only. */
  wrapped = false;
  /** How often the numbers began anew, as they do where an SA is made again. */
  restarts = 0;
  #last: number;

  /** @param first lower 32 bits of the first packet's number */
  constructor(first: number) {
    this.#last = first;
  }

  /** Takes the next packet's number. */
  add(sequence: number): void {
    const last = this.#last;
    this.#last = sequence;
    const step = (sequence - last) | 0;
    const forward = sequence - last;
    if (forward >= 0 && step >= 0) this.advance += step;
    else if (step < 0 && step > -REORDER_WINDOW) this.advance += step;
    else if (forward < 0 && step > 0 && step < MAX_WRAP_STEP) {
      this.advance += step;
      this.wrapped = true;
    } else if (forward < 0) this.restarts++;
    else this.advance += forward;
  }
}
