import { VtepError } from '../../error.js';

/** A part of a survey that isn't one: it comes from another process, and is checked like any input. */
export class PartError extends VtepError<'BAD_PART'> {
  constructor(message: string) {
    super('BAD_PART', `this is no part of a survey: ${message}`);
  }
}
