import { VtepError } from '../../error.js';

/** Why a node that follows a store can't run. */
export type FleetNodeErrorCode =
  /** Another node of this name runs already: it renews its lease. */
  | 'NODE_RUNNING'
  /** It was aborted before it was up. */
  | 'ENDED';

/** An error of a node that follows a store. */
export class FleetNodeError extends VtepError<FleetNodeErrorCode> {}
