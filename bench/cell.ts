/** One thing that is measured. */
export interface Cell {
  /** Packets of a run. */
  readonly packets: number;
  /** Puts in place what `run` works on; not timed. */
  prepare(): void;
  /** What is timed. */
  run(): void;
  /**
   * Runs once and looks at what came out.
   * @throws Error if it isn't right
   */
  check(): void;
}
