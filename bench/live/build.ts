/** Where this build of vtep is. */
import { join } from 'node:path';

/** The entry point of the command line. */
export const VTEP_MAIN = join(import.meta.dirname, '../../cli/main.js');
