/** What only a running system has: state that outlives the process. */
export { LiveError, type LiveErrorCode } from './error.js';
export { SequenceFile } from './sequence-file.js';
