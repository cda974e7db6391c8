/** Prints one line per packet while the survey counts them. */
import { type CaptureBatch, LinkType } from '../../capture/index.js';
import { ADDRESS_WIDTH } from '../../inspect/internal.js';
import { packetLine, type Survey } from '../../inspect/index.js';
import type { TextOutput } from '../text-output.js';

/** Width below which lines omit what would push the inner packet out of sight. */
const BRIEF_BELOW = 140;

/** Returns a function that prints the packets of each batch it is given. */
export function printPackets(output: TextOutput, survey: Survey): (batch: CaptureBatch) => void {
  const columns = { width: ADDRESS_WIDTH };
  const brief = output.packetWidth < BRIEF_BELOW;
  let number = 0;
  let start = Number.NaN;
  let startNanos = 0;
  return (batch) => {
    for (let i = 0; i < batch.count; i++) {
      number++;
      const linkType = batch.linkType[i];
      const timed = batch.noTimestamp[i] === 0;
      if (timed && Number.isNaN(start)) {
        start = batch.seconds[i];
        startNanos = batch.nanoseconds[i];
      }
      const verdict = survey.add(batch, i);
      output.packet(
        packetLine(survey.decoder, verdict, survey.inner, {
          number,
          time: timed ? batch.seconds[i] - start + (batch.nanoseconds[i] - startNanos) / 1e9 : Number.NaN,
          length: batch.originalLength[i],
          link: linkType === LinkType.Ethernet ? batch.offset[i] : -1,
          linkType,
          columns,
          brief,
        }),
      );
    }
  };
}
