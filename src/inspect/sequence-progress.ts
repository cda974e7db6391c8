/** How far the sequence number of an SA went, seen by its lower 32 bits alone (ESN sends no more). */

/** Numbers that a packet may lie ahead or back of the last one and need no other to support it. */
const REORDER_WINDOW = 1024;
/** Numbers that may be missing where the lower half begins anew; more were no wrap. */
const MAX_WRAP_STEP = 2 ** 30;
/** Packets in order that are believed on either side of a leap: one alone may be forged. */
const WITNESSES = 3;

/** Numbers that go on from each other. */
interface Run {
  first: number;
  /** The furthest, not the latest: a packet that comes late moves nothing. */
  last: number;
  packets: number;
  advance: number;
  /** Times of its first and its furthest packet, in seconds, or NaN. */
  begin: number;
  end: number;
}

/** The way from an SA's first packet to its furthest. A packet far from the others, which none follows, is passed over. */
export class SequenceProgress {
  /** Whether the lower half wrapped, which it does with ESN only. */
  wrapped = false;
  /** How often the numbers began anew, as they do where an SA is made again. */
  restarts = 0;
  #run: Run | undefined;
  /** Where numbers leapt to, until enough of them have followed. */
  #leap: Run | undefined;

  /** Numbers from the first packet to the furthest, over all wraps of the lower half. */
  get advance(): number {
    return this.#run?.advance ?? 0;
  }

  /** The furthest number since numbers began anew, if ever they did; 0 before the first packet. */
  get furthest(): number {
    return this.#run?.last ?? 0;
  }

  /** Seconds that the advance took; NaN if no time is known. */
  get seconds(): number {
    return this.#run === undefined ? Number.NaN : this.#run.end - this.#run.begin;
  }

  /**
   * Takes the next packet's number.
   * @param sequence lower 32 bits
   * @param time in seconds from any beginning; NaN if unknown
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
      goOn(run, sequence, time);
      this.#leap = undefined;
      return;
    }
    const leap = this.#leap;
    if (leap === undefined || !follows(leap, sequence, step)) {
      this.#leap = runOf(sequence, time);
      return;
    }
    if (sequence > leap.last) goOn(leap, sequence, time);
    if (leap.packets >= WITNESSES) this.#take(run, leap);
  }

  #take(run: Run, leap: Run): void {
    this.#leap = undefined;
    // It was the first packet that lay far from the others.
    if (run.packets < WITNESSES) {
      this.#run = leap;
      return;
    }
    const step = (leap.first - run.last) | 0;
    if (leap.first > run.last) run.advance += leap.first - run.last;
    else if (step > 0 && step < MAX_WRAP_STEP) {
      run.advance += step;
      this.wrapped = true;
    } else this.restarts++;
    run.advance += leap.advance;
    run.packets += leap.packets;
    run.last = leap.last;
    if (Number.isNaN(run.begin)) run.begin = leap.begin;
    if (!Number.isNaN(leap.end) && !(leap.end <= run.end)) run.end = leap.end;
  }
}

function runOf(sequence: number, time: number): Run {
  return { first: sequence, last: sequence, packets: 1, advance: 0, begin: time, end: time };
}

function goOn(run: Run, sequence: number, time: number): void {
  run.advance += sequence - run.last;
  run.last = sequence;
  run.packets++;
  if (Number.isNaN(time)) return;
  if (Number.isNaN(run.begin)) run.begin = time;
  if (!(time <= run.end)) run.end = time;
}

/** Whether a number that lies `step` from the run's last is clearly nearer to where the numbers leapt to. */
function follows(leap: Run, sequence: number, step: number): boolean {
  const distance = (sequence - leap.last) | 0;
  const wraps = distance > 0 && sequence < leap.last;
  return !wraps && 3 * Math.abs(distance) < 2 * Math.abs(step);
}
