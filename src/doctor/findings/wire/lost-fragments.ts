/** What a capture says of fragments that are missing, which is less than it seems: shared by the findings about them. */
import type { OuterFragments } from '../../capture/index.js';
import type { CaptureEvidence } from '../../evidence/capture.js';

/** What is known of a direction's incomplete packets. */
export const LostFragments = {
  /** None is missing, or the capture itself can have lost all that are. */
  None: 'none',
  /** Only first fragments were captured, as a filter of ports leaves them. */
  OnlyFirst: 'only first',
  Some: 'some',
} as const;
export type LostFragments = (typeof LostFragments)[keyof typeof LostFragments];

/** Whether only the first fragment was captured of every packet. */
export function hasOnlyFirst({ complete, incomplete, withoutRests }: OuterFragments): boolean {
  return incomplete.count > 0 && complete === 0 && withoutRests === incomplete.count;
}

/** Tells what the capture shows of a direction. Fragments of other traffic than the overlay's are of no matter. */
export function lostFragments({ fragments, survey }: CaptureEvidence, row: OuterFragments): LostFragments {
  // A first fragment that the snaplen cut is not reassembled, and its short rest is left over.
  const cut = survey.accounting.dropped['CAPTURE_TRUNCATED'] ?? 0;
  if (row.protocol === 'other' || row.incomplete.count === 0 || row.incomplete.count <= cut) return LostFragments.None;
  // ESP has no ports, so that a filter takes all of its fragments. If any rest of VXLAN is there, the filter does, too.
  const isFiltered =
    row.protocol === 'VXLAN' && fragments.every((other) => other.protocol !== 'VXLAN' || hasOnlyFirst(other));
  return isFiltered ? LostFragments.OnlyFirst : LostFragments.Some;
}
