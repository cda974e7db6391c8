/** Counters of /proc/net/xfrm_stat (net/xfrm/xfrm_proc.c). */
import { pastedLines } from '../../../text/pasted-text.js';
import type { XfrmCounter } from '../../evidence/kernel.js';
import { placeIn, type Source } from '../source.js';

const COUNTER = /^(Xfrm[A-Za-z]{2,40})\s+(\d{1,20})$/;

/** The counters of a source, in its order; those of a second output follow those of the first. */
export function* parseXfrmCounters(source: Source): Generator<XfrmCounter, void> {
  for (const { number, text } of pastedLines(source.text)) {
    const match = COUNTER.exec(text);
    if (match !== null) {
      yield { place: placeIn(source, number), name: match[1], count: Number(match[2]), later: undefined };
    }
  }
}
