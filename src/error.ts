import { plainMessage } from './text/plain-text.js';

/**
 * Base of every error that vtep throws. Errors report the caller's mistakes (a bad option, an unreadable file). A
 * malformed packet never throws: it gets a drop reason.
 */
export class VtepError<Code extends string = string> extends Error {
  /** Machine-readable code in upper case. Stable across versions and, unlike `name`, safe from minifiers. */
  readonly code: Code;

  /**
   * @param code upper-case name of the failure
   * @param message one line that says what is wrong and how to fix it; anything in it that may be a key is hidden, and
   * control characters are escaped
   */
  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(plainMessage(message), options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** Whether something thrown is an error of vtep, whatever its code. */
export function isVtepError(error: unknown): error is VtepError {
  return error instanceof VtepError;
}
