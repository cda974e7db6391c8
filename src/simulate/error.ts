import { VtepError } from '../error.js';

/** What can be wrong with a call of a simulation. */
export type SimulationErrorCode =
  /** A name that the topology doesn't have. */
  | 'NO_SUCH_NODE'
  /** An endpoint that isn't on the node, or no longer. */
  | 'NO_SUCH_ENDPOINT'
  /** A probability, time or limit out of range, or a value of another type. */
  | 'BAD_OPTION'
  /** Advancing a clock that the caller supplies. */
  | 'NOT_ITS_CLOCK'
  /** `run` or `advance` called by a listener. */
  | 'IN_LISTENER'
  /** Use after `close`. */
  | 'CLOSED';

/** A mistake in the use of a simulation. */
export class SimulationError extends VtepError<SimulationErrorCode> {}
