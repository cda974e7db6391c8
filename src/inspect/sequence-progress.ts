/** Tracks how far the sequence number of an SA advanced, from its lower 32 bits (ESN transmits no more). */

/** A packet within this distance of the last number is credible without corroboration by others. */
const REORDER_WINDOW = 1024;
/** Maximum gap across a wrap of the lower half; a larger one isn't taken for a wrap. */
const MAX_WRAP_STEP = 2 ** 30;
/** Packets in order that make either side of a jump credible: a single one may be forged. */
const WITNESSES = 3;

/** Consecutive numbers. */
interface Run {
  first: number;
  /** The highest, not the latest: a late packet doesn't change it. */
  last: number;
  packets: number;
  advance: number;
  /** Times of its first and its highest packet in seconds, or NaN. */
  begin: number;
  end: number;
}

/** The advance from an SA's first packet to its highest. An outlier that no others follow is ignored. */
export class SequenceProgress {
  /** Whether the lower half wrapped, which only happens with ESN. */
  wrapped = false;
  /** Number of times the numbers restarted, as they do when an SA is recreated. */
  restarts = 0;
  #run: Run | undefined;
  /** A run of numbers far from the current one, until enough of them have followed. */
  #jump: Run | undefined;

  /** Numbers from the first packet to the highest, including wraps of the lower half. */
  get advance(): number {
    return this.#run?.advance ?? 0;
  }

  /** The highest number since the last restart, if any; 0 before the first packet. */
  get furthest(): number {
    return this.#run?.last ?? 0;
  }

  /** Duration of the advance in seconds; NaN if no time is known. */
  get seconds(): number {
    return this.#run === undefined ? Number.NaN : this.#run.end - this.#run.begin;
  }

  /**
   * Records the next packet's number.
   * @param sequence lower 32 bits
   * @param time in seconds from any epoch; NaN if unknown
   */
  add(sequence: number, time: number): void {
    const run = this.#run;
    if (run === undefined) {
      this.#run = runOf(sequence, time);
      return;
    }
    const step = (sequence - run.last) | 0;
    if (step <= 0 && step > -REORDER_WINDOW) return;
    if (sequence > run.last && step > 0 && step <= REORDER_WINDOW) {
      extend(run, sequence, time);
      this.#jump = undefined;
      return;
    }
    const jump = this.#jump;
    if (jump === undefined || !follows(jump, sequence, step)) {
      this.#jump = runOf(sequence, time);
      return;
    }
    if (sequence > jump.last) extend(jump, sequence, time);
    if (jump.packets >= WITNESSES) this.#take(run, jump);
  }

  #take(run: Run, jump: Run): void {
    this.#jump = undefined;
    // The first packets were the outliers.
    if (run.packets < WITNESSES) {
      this.#run = jump;
      return;
    }
    const step = (jump.first - run.last) | 0;
    if (jump.first > run.last) run.advance += jump.first - run.last;
    else if (step > 0 && step < MAX_WRAP_STEP) {
      run.advance += step;
      this.wrapped = true;
    } else this.restarts++;
    run.advance += jump.advance;
    run.packets += jump.packets;
    run.last = jump.last;
    if (Number.isNaN(run.begin)) run.begin = jump.begin;
    if (!Number.isNaN(jump.end) && !(jump.end <= run.end)) run.end = jump.end;
  }
}

function runOf(sequence: number, time: number): Run {
  return { first: sequence, last: sequence, packets: 1, advance: 0, begin: time, end: time };
}

function extend(run: Run, sequence: number, time: number): void {
  run.advance += sequence - run.last;
  run.last = sequence;
  run.packets++;
  if (Number.isNaN(time)) return;
  if (Number.isNaN(run.begin)) run.begin = time;
  if (!(time <= run.end)) run.end = time;
}

/** Whether a number at distance `step` from the current run is clearly nearer to the run after the jump. */
function follows(jump: Run, sequence: number, step: number): boolean {
  const distance = (sequence - jump.last) | 0;
  const wraps = distance > 0 && sequence < jump.last;
  return !wraps && 3 * Math.abs(distance) < 2 * Math.abs(step);
}
