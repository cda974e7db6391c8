/** The gossip that was read: of all captures together, or of each. */
import type { GossipReport } from '../../../inspect/index.js';
import { capturesOf } from '../../capture/index.js';
import type { Evidence } from '../../evidence/evidence.js';
import type { Place } from '../../evidence/place.js';

/** A report, and the captures that it is of. */
export interface ReadGossip {
  readonly gossip: GossipReport;
  readonly places: readonly Place[];
}

/** All gossip for which there were keys. */
export function gossipOf(evidence: Evidence): ReadGossip[] {
  const captures = capturesOf(evidence).map(({ capture }) => capture);
  if (evidence.gossip !== null) {
    return [{ gossip: evidence.gossip, places: captures.slice(0, 5).map(({ file }) => ({ file })) }];
  }
  return captures.flatMap(({ file, survey: { gossip } }) => (gossip === null ? [] : [{ gossip, places: [{ file }] }]));
}
