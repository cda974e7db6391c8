/** What a decoder did with the packets of a capture, as `inspect` and `decap` report it. */
import type { UnderlayDecoder } from '../dataplane/index.js';
import type { SurveyReport } from './report.js';

/** The accounting of all packets so far; its counts add up to the decoder's `packets`. */
export function decoderAccounting(decoder: UnderlayDecoder): SurveyReport['accounting'] {
  return {
    inFrames: decoder.framePackets,
    esp: decoder.espPackets,
    other: decoder.otherPackets,
    held: decoder.held,
    filtered: decoder.filtered.packets,
    dropped: decoder.drops.byName(),
  };
}
