/** Exit codes. */
export const ExitCode = {
  Done: 0,
  /** Done, but something is wrong with the data (only with `--strict`). */
  DataWrong: 1,
  /** Usage error or unreadable file. */
  Unusable: 2,
  /** `join`: no manager could be reached; it may work later. */
  Unreachable: 3,
} as const;
