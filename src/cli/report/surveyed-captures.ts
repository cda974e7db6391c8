/** Captures read for a page, each once: examined for doctor, surveyed, and their SPIs followed over time. */
import { resolve } from 'node:path';
import { hkdfSha256 } from '../../aead/index.js';
import type { CaptureBatch, PacketSource } from '../../capture/index.js';
import type { UnderlayDecoderOptions } from '../../dataplane/index.js';
import { CaptureExam, type ExaminedCapture } from '../../doctor/index.js';
import {
  type AddressNames,
  KeyTimeline,
  type KeyTimelineReport,
  RingKeys,
  Survey,
  type SurveyReport,
} from '../../inspect/index.js';
import { readInput } from '../capture/capture-input.js';
import { examinedAs, type OpenCapture, rotatedAmong, type RotatedCapture } from '../doctor/read-evidence.js';
import { inOrder, type ReadCaptures } from '../inspect/input-files.js';
import { isInterrupted } from '../interruption.js';
import type { KeysOption } from '../keys/key-files.js';

/** Number of the pass over all captures together; that over each of them is 0. */
const JOINT_PASS = 1;

/** What captures hold. */
export interface SurveyedCaptures {
  readonly survey: SurveyReport;
  readonly timeline: KeyTimelineReport;
  /** In the order given. */
  readonly examined: readonly ExaminedCapture[];
}

/** How to read them. */
export interface SurveyPlan {
  readonly decoding: UnderlayDecoderOptions;
  readonly keys: KeysOption | undefined;
  readonly names: AddressNames | undefined;
  readonly maxConversations: number | undefined;
}

/** The exam of a capture in one or several files, while its files are read. */
interface OpenExam {
  readonly exam: CaptureExam;
  /** Number of its pass, whose SAs it uses. */
  readonly pass: number;
  readonly sources: PacketSource[];
}

/**
 * Reads captures. The exam of a single one is its survey too. Several are examined one by one, as doctor compares them, and
 * surveyed together, file by file in the order of their first packets, with the SAs and fragments of one following those of the
 * other.
 * @param captures at least one
 */
export async function surveyCaptures(captures: readonly OpenCapture[], plan: SurveyPlan): Promise<SurveyedCaptures> {
  const { decoding, keys, names, maxConversations } = plan;
  const ordered = await inTimeOrder(captures);
  const rotated = await rotatedAmong(ordered);
  const captureOf = new Map(rotated.flatMap((files) => files.map((file) => [file, files] as const)));
  const ring = keys?.ring === undefined ? {} : { ring: new RingKeys(keys.ring, hkdfSha256) };
  const options = { ...decoding, flows: { maxConversations }, names };
  const several = rotated.length > 1;
  const esp = several ? keys?.openEsp(JOINT_PASS) : undefined;
  const joint = several ? new Survey({ ...options, ...esp, gossip: keys?.openGossip() }) : undefined;
  // Without keys, the timeline shows who sent with which SPI all the same.
  let timeline = new KeyTimeline({ ...decoding, ...esp, ...ring });
  const open = new Map<RotatedCapture, OpenExam>();
  const passes = Array.from(rotated, (_, i) => (i === 0 ? 0 : JOINT_PASS + i)).reverse();
  const examined = new Map<OpenCapture, ExaminedCapture>();
  const sources: PacketSource[] = [];
  for (const file of ordered) {
    // After Ctrl-C, the page is about what was read.
    if (isInterrupted()) break;
    const capture = captureOf.get(file) ?? [file];
    let current = open.get(capture);
    if (current === undefined) {
      const pass = passes.pop() ?? 0;
      const own = keys?.openEsp(pass);
      const exam = new CaptureExam({ ...options, ...own, gossip: keys?.openGossip(), trace: several });
      if (joint === undefined) timeline = new KeyTimeline({ ...decoding, ...own, ...ring });
      current = { exam, pass, sources: [] };
      open.set(capture, current);
    } else current.exam.endFile();
    const { exam, pass, sources: own } = current;
    await readInput(file.source, (batch) => addBatch(batch, exam, joint, timeline));
    own.push(file.source);
    sources.push(file.source);
    if (own.length < capture.length && !isInterrupted()) continue;
    open.delete(capture);
    passes.push(pass);
    examined.set(capture[0], examinedAs(capture, exam.report(own as ReadCaptures)));
  }
  for (const [capture, { exam, sources: own }] of open) {
    examined.set(capture[0], examinedAs(capture, exam.report(own as ReadCaptures)));
  }
  const [first] = examined.values();
  return {
    survey: joint?.report(sources as ReadCaptures) ?? first.evidence.survey,
    timeline: timeline.report({ made: keys?.made ?? [] }),
    examined: captures.flatMap((capture) => examined.get(capture) ?? []),
  };
}

function addBatch(batch: CaptureBatch, exam: CaptureExam, joint: Survey | undefined, timeline: KeyTimeline): void {
  const { decoder } = joint ?? exam.survey;
  for (let i = 0; i < batch.count; i++) {
    const examined = exam.add(batch, i);
    const verdict = joint?.add(batch, i) ?? examined;
    timeline.addDecoded(batch, i, decoder, verdict);
  }
}

/** The captures in the order of their first packets, without those that are named twice. */
async function inTimeOrder(captures: readonly OpenCapture[]): Promise<OpenCapture[]> {
  const byPath = new Map<string, OpenCapture>();
  for (const capture of captures) {
    const path = resolve(capture.input.path);
    if (byPath.has(path)) await capture.source.close();
    else byPath.set(path, capture);
  }
  const paths = Array.from(byPath.values(), ({ input }) => input.path);
  return (await inOrder(paths)).flatMap((path) => byPath.get(resolve(path)) ?? []);
}
