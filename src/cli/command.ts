/** A command of the command line: one file each. */
export interface Command {
  /** What it does, in a line. */
  readonly summary: string;
  /** What `--help` prints. */
  readonly help: string;
  /**
   * Carries it out.
   * @param words what stands behind the command's name
   * @returns the exit code
   */
  run(words: readonly string[]): Promise<number>;
}
