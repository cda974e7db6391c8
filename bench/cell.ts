/** One measured operation. */
export interface Cell {
  /** Packets per run. */
  readonly packets: number;
  /** Prepares the input of `run`; not timed. */
  prepare(): void;
  /** The timed part. */
  run(): void;
  /**
   * Runs once and checks the output.
   * @throws Error if it is wrong
   */
  check(): void;
}
