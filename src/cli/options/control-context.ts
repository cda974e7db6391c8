/** This machine's time and random bytes, for operations on a store. */
import { randomFillSync } from 'node:crypto';
import type { ControlContext } from '../../fleet/index.js';

export const CONTROL_CONTEXT: ControlContext = {
  random: (bytes) => void randomFillSync(bytes),
  now: () => Date.now(),
};
