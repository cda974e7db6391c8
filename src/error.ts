import { plainMessage } from './text/plain-text.js';

/**
 * Base of every error that vtep throws. Errors report mistakes of the caller (a bad option, an unreadable file); a
 * faulty packet gets a drop reason instead and never throws.
 */
export class VtepError<Code extends string = string> extends Error {
  /** Machine-readable: upper case, stable between versions, and not minified by bundlers as `name` is. */
  readonly code: Code;

  /**
   * @param code upper-case name of the failure
   * @param message one line that says what is wrong and how to fix it; possible keys in it are hidden, and control
   * characters escaped
   */
  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(plainMessage(message), options);
    this.name = new.target.name;
    this.code = code;
  }
}
