/** Whether a leader must read all records again, since something in them may ask for its work. */
import { LEADER } from '../records/records.js';
import { AllocationState } from '../records/schemas.js';
import { decodeLease } from '../store/lease-record.js';
import { type StoreChange } from '../store/store.js';
import { type OverlayView } from './overlay-view.js';

/** Milliseconds after which records are read even if nothing asks for it. */
const SOONEST_WITHOUT_NEWS = 30_000;
/** Reading takes at most this part of the time, however often something changes. */
const PART = 10;

/**
 * What happened since the records were last read. Renewals of leases, which come all the time, are no news. Without
 * `observe`, everything is.
 */
export class OverlayNews {
  readonly #clock: () => number;
  /** Keys of the leases that there are, as far as was observed. */
  readonly #leases = new Set<string>();
  #observes = false;
  #hasNews = true;
  /** The term in which the last turn was completed. */
  #term: object | undefined;
  #readAt = -Infinity;
  #readTook = 0;

  /** @param clock monotonic, in milliseconds */
  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /** Takes up a change of the store. */
  observe(change: StoreChange): void {
    this.#observes = true;
    if (change.kind === 'lost') return;
    if (change.kind === 'resumed') {
      this.#hasNews = true;
      return;
    }
    const { key } = change;
    if (key === LEADER) return;
    if (change.kind === 'put' && decodeLease(change.value) !== undefined) {
      if (this.#leases.has(key)) return;
      this.#leases.add(key);
    } else this.#leases.delete(key);
    this.#hasNews = true;
  }

  /**
   * Whether it is time to read.
   * @param term the leader's term: in a new one, nothing is known
   * @param due when something becomes necessary without a change, by the clock
   */
  isDue(term: object, due: number | undefined): boolean {
    const since = this.#clock() - this.#readAt;
    if (since < this.#readTook * PART) return false;
    if (!this.#observes || this.#term !== term) return true;
    if (since >= SOONEST_WITHOUT_NEWS) return true;
    return this.#hasNews || (due !== undefined && this.#clock() >= due);
  }

  /** Reads. What is observed from now on is news. */
  async read(reading: () => Promise<OverlayView>): Promise<OverlayView> {
    this.#hasNews = false;
    // Only a turn that is completed counts.
    this.#term = undefined;
    this.#readAt = this.#clock();
    const view = await reading();
    this.#readTook = this.#clock() - this.#readAt;
    return view;
  }

  /** All that the records ask for is done. */
  done(term: object, { ipam }: OverlayView): void {
    this.#term = term;
    // Of what is under way, the last write is that of its entry: it comes while this view is worked on, or later.
    const isUnderWay = [...ipam.networks, ...ipam.services].some(({ state }) => state !== AllocationState.Ready);
    if (isUnderWay) this.#hasNews = true;
  }
}
