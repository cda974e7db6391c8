/** Surveys one file of a capture that consists of many. */
import type { CaptureBatch } from '../../capture/portable.js';
import type { SurveyStart } from '../survey.js';
import type { SurveyOptions } from '../survey-options.js';
import type { FilePart } from './file-part.js';
import { PartRecording } from './part-recording.js';

/**
 * Surveys one file, from its first packet to its last, for `PartMerge`: decodes it, decrypts it, and verifies its
 * checksums, from an empty state. A packet whose meaning depends on those of other files is held back or recorded.
 *
 * If what it finds can't be merged exactly (a table is full, or there is more than a part may have), it forgets all of it,
 * skips the rest of the file, and its part says so.
 */
export class PartSurvey {
  #recording: PartRecording | undefined;
  #packets = 0;

  /**
   * @param options those of the survey of all files, with SAs and keys of its own. Names aren't needed; `flows` must be
   *   set if that survey collects conversations (`Survey.collectsFlows`)
   */
  constructor(options: SurveyOptions = {}) {
    this.#recording = new PartRecording(options);
  }

  /** Sets when the traffic over time begins: the `start` of a survey of all files. Call it before `addBatch`. */
  begin(start: SurveyStart): void {
    this.#recording?.begin(start);
  }

  /** Counts every packet of a batch. */
  addBatch(batch: CaptureBatch): void {
    this.#packets += batch.count;
    this.#recording?.addBatch(batch);
    if (this.#recording?.isInexact === true) this.#recording = undefined;
  }

  /** What was found. No packet may be added afterwards. */
  part(): FilePart {
    const part = this.#recording?.part(this.#packets);
    return part === undefined || part.inexact ? inexactPart(this.#packets) : part;
  }
}

/** The part of a file that can't be merged: nothing but its number of packets. */
function inexactPart(packets: number): FilePart {
  return { ...new PartRecording({}).part(packets), inexact: true };
}
