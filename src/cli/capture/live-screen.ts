/** A terminal that shows a changing text in the whole window, and is left as it was found. */
import { cutLine, type Line, rendered } from '../style.js';

/** What is written to: `process.stdout`. */
export interface LiveTerminal {
  write(text: string): unknown;
  readonly rows: number;
  readonly columns: number;
  on(event: 'resize', listener: () => void): unknown;
  off(event: 'resize', listener: () => void): unknown;
}

/** Where keys are read from: `process.stdin`. */
export interface LiveKeyboard {
  readonly isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
  on(event: 'data', listener: (keys: Buffer) => void): unknown;
  off(event: 'data', listener: (keys: Buffer) => void): unknown;
  resume(): unknown;
  pause(): unknown;
}

/** The reactions of what is shown. */
export interface LiveReactions {
  /** A key was pressed: a character, as the terminal sends it. */
  readonly onKey: (key: string) => void;
  /** The window has a new size. */
  readonly onResize: () => void;
}

// xterm's control sequences: the alternate screen has no scrollback and is gone when it is left.
const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const CLEAR_LINE = '\x1b[2K';
const CLEAR_BELOW = '\x1b[J';

/** The window of a terminal, from `open` to `close`. */
export class LiveScreen {
  readonly #terminal: LiveTerminal;
  readonly #keyboard: LiveKeyboard | undefined;
  readonly #reactions: LiveReactions;
  readonly #onData = (keys: Buffer): void => {
    for (const key of keys.toString()) this.#reactions.onKey(key);
  };
  readonly #onExit = (): void => this.close();
  #open = false;

  /** @param keyboard ignored if it isn't a terminal */
  constructor(terminal: LiveTerminal, keyboard: LiveKeyboard, reactions: LiveReactions) {
    this.#terminal = terminal;
    this.#keyboard = keyboard.isTTY === true ? keyboard : undefined;
    this.#reactions = reactions;
  }

  /** Whether keys are read. */
  get hasKeys(): boolean {
    return this.#keyboard !== undefined;
  }

  /** Lines that fit the window. */
  get rows(): number {
    return Math.max(1, this.#terminal.rows || 24);
  }

  /** Characters that fit a line. */
  get columns(): number {
    return Math.max(1, this.#terminal.columns || 80);
  }

  /** Takes the window. An exit of the process gives it back. */
  open(): void {
    if (this.#open) return;
    this.#open = true;
    process.on('exit', this.#onExit);
    this.#terminal.on('resize', this.#reactions.onResize);
    this.#keyboard?.setRawMode?.(true);
    this.#keyboard?.on('data', this.#onData);
    this.#keyboard?.resume();
    this.#terminal.write(ENTER);
  }

  /** Replaces the text, cut to the size of the window. */
  show(lines: readonly Line[], colour: boolean): void {
    if (!this.#open) return;
    const fit = lines.slice(0, this.rows).map((line) => CLEAR_LINE + rendered(cutLine(line, this.columns), colour));
    this.#terminal.write(HOME + fit.join('\n') + CLEAR_BELOW);
  }

  /** Gives the window back. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    process.off('exit', this.#onExit);
    this.#terminal.off('resize', this.#reactions.onResize);
    this.#keyboard?.off('data', this.#onData);
    this.#keyboard?.setRawMode?.(false);
    this.#keyboard?.pause();
    this.#terminal.write(LEAVE);
  }
}
