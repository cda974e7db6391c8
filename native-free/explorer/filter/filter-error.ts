import { VtepError } from '../../../src/error.js';

/** A filter that can't be read: what is wrong with it, and where. */
export class FilterError extends VtepError {
  /**
   * @param from offset in the text of what is wrong
   * @param to offset after it
   */
  constructor(
    message: string,
    readonly from: number,
    readonly to: number,
  ) {
    super('BAD_FILTER', message);
  }
}
