import { VtepError } from '../error.js';

/** Invalid arguments, or an unusable input file. */
export class UsageError extends VtepError<'USAGE'> {
  constructor(message: string) {
    super('USAGE', message);
  }
}
