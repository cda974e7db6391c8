import { plainMessage } from './plain-text.js';

/**
 * The base of every error that vtep throws. Errors are for callers' mistakes (a bad option, an unreadable file); a
 * packet that goes wrong gets a drop reason instead and never throws.
 */
export class VtepError<Code extends string = string> extends Error {
  /** What went wrong, for programs: upper case, stable between versions, and not shortened by bundlers as `name` is. */
  readonly code: Code;

  /**
   * @param code upper-case name of the failure
   * @param message one line that says what is wrong and how to mend it; what may be a key in it is hidden, and control
   *   characters are shown as escapes
   */
  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(plainMessage(message), options);
    this.name = new.target.name;
    this.code = code;
  }
}
