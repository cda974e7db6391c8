/** What the page shows, in its address: every change is a step in the browser's history. */
import type { ExplorerState } from './explorer-state.js';
import { formatFragment, parseFragment, sameState } from './fragment.js';

/** The state in the address, and its changes. */
export class Navigation {
  #state = parseFragment(location.hash);
  readonly #onChange: (state: ExplorerState) => void;

  /** @param onChange called after each change, also by Back and Forward */
  constructor(onChange: (state: ExplorerState) => void) {
    this.#onChange = onChange;
    addEventListener('popstate', this.#read);
    addEventListener('hashchange', this.#read);
  }

  get state(): ExplorerState {
    return this.#state;
  }

  /** Changes what is shown, as a step that Back undoes. */
  readonly go = (changes: Partial<ExplorerState>): void => {
    this.#change(changes, (fragment) => history.pushState(null, '', fragment));
  };

  /** Changes what is shown without a step of its own: a selected row that moves with the arrow keys. */
  readonly replace = (changes: Partial<ExplorerState>): void => {
    this.#change(changes, (fragment) => history.replaceState(null, '', fragment));
  };

  close(): void {
    removeEventListener('popstate', this.#read);
    removeEventListener('hashchange', this.#read);
  }

  #change(changes: Partial<ExplorerState>, write: (fragment: string) => void): void {
    const state = { ...this.#state, ...changes };
    if (sameState(state, this.#state)) return;
    write(formatFragment(state));
    this.#show(state);
  }

  readonly #read = (): void => {
    const state = parseFragment(location.hash);
    if (!sameState(state, this.#state)) this.#show(state);
  };

  #show(state: ExplorerState): void {
    this.#state = state;
    this.#onChange(state);
  }
}
