/** What the shell is told. */
export const ExitCode = {
  Done: 0,
  /** Done, but something was wrong with the data (only with `--strict`). */
  DataWrong: 1,
  /** The call or a file was unusable. */
  Unusable: 2,
} as const;
