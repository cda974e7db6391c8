/** Output streams of an invocation: standard output and standard error, or the caller's substitutes. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { writeStandardOutput } from '../capture/file/standard-stream.js';

/** How a stream shows text. */
export interface Screen {
  /** Columns that lines and tables fit; Infinity where lines are never wrapped. */
  readonly columns: number;
  /** Whether the user named the width, with COLUMNS. */
  readonly named: boolean;
  /** Whether styles are shown. */
  readonly colour: boolean;
  /** Whether it is a terminal, on which progress is shown. */
  readonly terminal: boolean;
}

/** The streams that an invocation writes to. */
export interface Streams {
  /** Takes results, and ownership of the bytes. */
  readonly output: (bytes: Uint8Array) => void;
  /** Takes diagnostics, line ends included. */
  readonly warnings: (text: string) => void;
  /**
   * How results are shown.
   * @default 80 columns, without colour
   */
  readonly outputScreen?: Screen;
  /**
   * How diagnostics are shown.
   * @default any width, without colour
   */
  readonly warningsScreen?: Screen;
}

/** Width of results that don't go to a terminal. */
export const DEFAULT_COLUMNS = 80;
/** Narrower windows get lines of this length, which the terminal wraps. */
const FEWEST_COLUMNS = 20;

const PLAIN_OUTPUT: Screen = { columns: DEFAULT_COLUMNS, named: false, colour: false, terminal: false };
const PLAIN_WARNINGS: Screen = { columns: Infinity, named: false, colour: false, terminal: false };

/** What decides how a stream shows text; `process.stdout` is one. */
export interface ScreenStream {
  readonly isTTY?: boolean;
  /** Undefined or 0 if unknown. */
  readonly columns?: number;
}

/**
 * How a stream shows text. COLUMNS overrides a terminal's width. Only a terminal gets colours, unless FORCE_COLOR is
 * set; NO_COLOR (if not empty), FORCE_COLOR=0 and TERM=dumb switch them off.
 * @param otherwise width of what isn't a terminal
 */
export function screenOf(stream: ScreenStream, env: NodeJS.ProcessEnv, otherwise: number): Screen {
  const terminal = stream.isTTY === true;
  const named = /^[1-9]\d{0,4}$/.test(env['COLUMNS'] ?? '') ? Number(env['COLUMNS']) : 0;
  const own = terminal ? (stream.columns ?? 0) || DEFAULT_COLUMNS : otherwise;
  return {
    columns: Math.max(FEWEST_COLUMNS, named || own),
    named: named > 0,
    colour: hasColour(terminal, env),
    terminal,
  };
}

function hasColour(terminal: boolean, env: NodeJS.ProcessEnv): boolean {
  if ((env['NO_COLOR'] ?? '') !== '') return false;
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined && forced !== '') return forced !== '0' && forced !== 'false';
  return terminal && env['TERM'] !== 'dumb';
}

/** The process's streams. A terminal may be resized, so that a screen is determined when it is used. */
const STANDARD: Streams = {
  output: writeStandardOutput,
  warnings: (text) => void process.stderr.write(text),
  get outputScreen(): Screen {
    return screenOf(process.stdout, process.env, DEFAULT_COLUMNS);
  },
  get warningsScreen(): Screen {
    return screenOf(process.stderr, process.env, Infinity);
  },
};

const taken = new AsyncLocalStorage<Streams>();

/** Calls `run` with its results and diagnostics redirected to `streams`. */
export function withStreams<T>(streams: Streams, run: () => Promise<T>): Promise<T> {
  return taken.run(streams, run);
}

/** The streams of the current invocation. */
export function currentStreams(): Streams {
  return taken.getStore() ?? STANDARD;
}

/** How the results of the current invocation are shown. */
export function outputScreen(): Screen {
  return currentStreams().outputScreen ?? PLAIN_OUTPUT;
}

/** How the diagnostics of the current invocation are shown. */
export function warningsScreen(): Screen {
  return currentStreams().warningsScreen ?? PLAIN_WARNINGS;
}
