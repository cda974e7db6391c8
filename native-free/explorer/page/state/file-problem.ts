/** Something wrong with a file. */
export interface FileProblem {
  /** Empty if it isn't about a file. */
  readonly name: string;
  readonly message: string;
}
