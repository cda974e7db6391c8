/** Captures read for a page: surveyed, and their SPIs followed over time. */
import { hkdfSha256 } from '../../aead/index.js';
import { STANDARD_STREAM } from '../../capture/file/standard-stream.js';
import type { UnderlayDecoderOptions } from '../../dataplane/index.js';
import {
  type AddressNames,
  KeyTimeline,
  type KeyTimelineReport,
  RingKeys,
  Survey,
  type SurveyReport,
} from '../../inspect/index.js';
import { readInOrder } from '../inspect/input-files.js';
import { isInterrupted } from '../interruption.js';
import type { KeysOption } from '../keys/key-files.js';

/** What captures hold. */
export interface SurveyedCaptures {
  readonly survey: SurveyReport;
  readonly timeline: KeyTimelineReport;
}

/** How to read them. */
export interface SurveyPlan {
  readonly decoding: UnderlayDecoderOptions;
  readonly keys: KeysOption | undefined;
  readonly names: AddressNames | undefined;
  readonly maxConversations: number | undefined;
}

/** Reads captures: once, and if keys decrypt ESP in files, a second time for the timeline, as SAs serve one pass only. */
export async function surveyCaptures(paths: readonly string[], plan: SurveyPlan): Promise<SurveyedCaptures> {
  const { decoding, keys, names, maxConversations } = plan;
  const esp = keys?.openEsp();
  const survey = new Survey({
    ...decoding,
    ...esp,
    gossip: keys?.openGossip(),
    flows: { maxConversations },
    names,
  });
  const ring = keys?.ring === undefined ? {} : { ring: new RingKeys(keys.ring, hkdfSha256) };
  const again = esp !== undefined && !paths.includes(STANDARD_STREAM);
  // Without keys, the timeline shows who sent with which SPI all the same.
  let timeline = new KeyTimeline({ ...decoding, ...ring });
  const sources = await readInOrder(paths, (batch) => {
    survey.addBatch(batch);
    if (!again) timeline.addBatch(batch);
  });
  const report = survey.report(sources);
  if (again && report.esp.length > 0 && !isInterrupted()) {
    timeline = new KeyTimeline({ ...decoding, ...keys?.openEsp(), ...ring });
    await readInOrder(paths, (batch) => timeline.addBatch(batch));
  }
  return { survey: report, timeline: timeline.report({ made: keys?.made ?? [] }) };
}
