/** Surveys packets in files: in one pass, and as parts that are merged. */
import { deserialize, serialize } from 'node:v8';
import { BATCH_PACKETS, CaptureBatch, openCaptureFile, type PacketSource } from '../../../src/capture/index.js';
import { type SourceSummary, Survey, type SurveyOptions, type SurveyReport } from '../../../src/inspect/index.js';
import { type FilePart, PartMerge, PartSurvey, type SurveyStart } from '../../../src/inspect/internal.js';
import { fixture } from '../../repository.js';

/** A packet of a capture. */
export interface CapturedPacket {
  readonly bytes: Uint8Array;
  readonly originalLength: number;
  readonly linkType: number;
  /** NaN if it has no time. */
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** New options for each survey: every one has SAs and keys of its own. */
export type NewOptions = () => SurveyOptions;

type Summaries = readonly [SourceSummary, ...SourceSummary[]];

/** The packets of a recording below fixtures/. */
export async function packetsOf(recording: string): Promise<CapturedPacket[]> {
  return packetsFrom(await openCaptureFile(fixture(recording)));
}

/** The packets of a capture, which is closed. */
export async function packetsFrom(source: PacketSource): Promise<CapturedPacket[]> {
  const packets: CapturedPacket[] = [];
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
    for (let i = 0; i < batch.count; i++) {
      const start = batch.offset[i];
      packets.push({
        bytes: Uint8Array.from(batch.bytes.subarray(start, start + batch.capturedLength[i])),
        originalLength: batch.originalLength[i],
        linkType: batch.linkType[i],
        seconds: batch.noTimestamp[i] === 0 ? batch.seconds[i] : Number.NaN,
        nanoseconds: batch.nanoseconds[i],
      });
    }
  }
  await source.close();
  return packets;
}

/** Splits packets into files. */
export function splitAt<T>(packets: readonly T[], cuts: readonly number[]): T[][] {
  return [0, ...cuts].map((start, i) => packets.slice(start, cuts[i] ?? packets.length));
}

function* batchesOf(packets: readonly CapturedPacket[]): Generator<CaptureBatch> {
  for (let start = 0; start < packets.length; start += BATCH_PACKETS) {
    const some = packets.slice(start, start + BATCH_PACKETS);
    const batch = new CaptureBatch();
    // What follows a packet isn't part of it.
    batch.bytes = Buffer.concat(some.flatMap(({ bytes }) => [bytes, Buffer.alloc(3, 0xa5)]));
    batch.count = some.length;
    let offset = 0;
    some.forEach((packet, i) => {
      const hasTime = !Number.isNaN(packet.seconds);
      batch.offset[i] = offset;
      batch.capturedLength[i] = packet.bytes.length;
      batch.originalLength[i] = packet.originalLength;
      batch.linkType[i] = packet.linkType;
      batch.seconds[i] = hasTime ? packet.seconds : 0;
      batch.nanoseconds[i] = hasTime ? packet.nanoseconds : 0;
      batch.noTimestamp[i] = hasTime ? 0 : 1;
      offset += packet.bytes.length + 3;
    });
    yield batch;
  }
}

function summariesOf(files: readonly unknown[]): Summaries {
  const summaries = files.map((_, i): SourceSummary => {
    return { name: `file-${i}`, format: 'pcap', notes: [], damage: undefined };
  });
  return summaries as unknown as Summaries;
}

/** What one pass over files finds. */
export interface OnePass {
  readonly report: SurveyReport;
  /** When the traffic over time begins. */
  readonly start: SurveyStart | undefined;
}

/** Surveys files in one pass. */
export function inOnePass(files: readonly (readonly CapturedPacket[])[], options: SurveyOptions): OnePass {
  const survey = new Survey(options);
  for (const file of files) for (const batch of batchesOf(file)) survey.addBatch(batch);
  return { report: survey.report(summariesOf(files)), start: survey.start };
}

/** The part that a file is, as it arrives from another process. */
export function partOf(
  file: readonly CapturedPacket[],
  options: SurveyOptions,
  start: SurveyStart | undefined,
): FilePart {
  const survey = new PartSurvey(options);
  if (start !== undefined) survey.begin(start);
  for (const batch of batchesOf(file)) survey.addBatch(batch);
  return deserialize(serialize(survey.part())) as FilePart;
}

/**
 * The report of files whose parts are merged; undefined if it wouldn't be exact.
 * @param forParts options of the parts, if they are others
 */
export function merged(
  files: readonly (readonly CapturedPacket[])[],
  options: NewOptions,
  start: SurveyStart | undefined,
  forParts?: NewOptions,
): SurveyReport | undefined {
  const survey = new Survey(options());
  if (start !== undefined) survey.begin(start);
  const merge = new PartMerge(survey);
  for (const file of files) merge.add(partOf(file, forParts?.() ?? partOptions(survey, options()), start));
  return merge.isExact ? survey.report(summariesOf(files)) : undefined;
}

/** The options of parts: conversations are collected for the load of services, too. */
function partOptions(survey: Survey, options: SurveyOptions): SurveyOptions {
  const { flows = false } = options;
  return { ...options, names: undefined, flows: flows === false ? survey.collectsFlows : flows };
}
