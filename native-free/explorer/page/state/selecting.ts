/** Keeps the selection in step with the filter, the time range and the growing index. */
import { type FilterError, type Selection, selectPackets } from '../../filter/index.js';
import type { CaptureIndex } from '../../index/capture-index.js';
import { compiledFilter } from './compiled-filter.js';
import type { ExplorerState } from './explorer-state.js';
import { turnsOf } from './turns.js';

/** While packets are added, the selection is renewed this often, or as often as it takes a fifth of the time. */
const RENEW_MS = 250;
const RENEW_FACTOR = 4;

/** Selects again whenever something changes, one run at a time. */
export class Selecting {
  /**
   * What views show. While a further filter runs it is the one before, so that views keep their elements, and with them
   * the focus and the scroll position.
   */
  selection: Selection | undefined;
  /** Whether the selection is that of the filter and the range. */
  isCurrent = false;
  problem: FilterError | undefined;
  readonly #onChange: () => void;
  #index: CaptureIndex | undefined;
  #filter = '';
  #from: number | undefined;
  #to: number | undefined;
  #running: AbortController | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #ended = 0;
  #took = 0;

  /** @param onChange called after each run, and when a filter turns out to be wrong */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** Whether the selection is that of all packets of the index, too. */
  get isSettled(): boolean {
    return this.#timer === undefined && this.#running === undefined;
  }

  update(index: CaptureIndex, { filter, from, to }: ExplorerState): void {
    const isSame = filter === this.#filter && from === this.#from && to === this.#to;
    if (isSame && index === this.#index) return;
    const isGrown = index.parts[0] === this.#index?.parts[0];
    this.#index = index;
    this.#filter = filter;
    this.#from = from;
    this.#to = to;
    if (isSame && isGrown && this.selection !== undefined) {
      this.#later();
      return;
    }
    if (!isGrown) this.selection = undefined;
    this.isCurrent = false;
    this.#now();
  }

  #later(): void {
    if (this.#timer !== undefined || this.#running !== undefined) return;
    const wait = this.#ended + Math.max(RENEW_MS, RENEW_FACTOR * this.#took) - performance.now();
    this.#timer = setTimeout(() => this.#now(), Math.max(0, wait));
  }

  #now(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#running?.abort();
    this.#running = undefined;
    const index = this.#index;
    if (index === undefined) return;
    const compiled = compiledFilter(this.#filter, index.tables);
    this.problem = compiled.kind === 'wrong' ? compiled.error : undefined;
    if (compiled.kind === 'wrong') {
      this.#onChange();
      return;
    }
    const running = new AbortController();
    this.#running = running;
    const began = performance.now();
    const range = { from: this.#from, to: this.#to };
    selectPackets(index, { test: compiled.test, range }, turnsOf(running.signal)).then(
      (selection) => {
        if (running.signal.aborted) return;
        this.#running = undefined;
        this.#ended = performance.now();
        this.#took = this.#ended - began;
        this.selection = selection;
        this.isCurrent = true;
        if (index !== this.#index) this.#later();
        this.#onChange();
      },
      (error: unknown) => {
        if (!running.signal.aborted) reportError(error);
      },
    );
  }
}
