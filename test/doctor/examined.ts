/** Captures through doctor, in memory. */
import { chooseAead, hkdfSha256 } from '../../src/aead/index.js';
import { MemoryReader, openCapture } from '../../src/capture/index.js';
import {
  CaptureExam,
  diagnose,
  type DoctorReport,
  doctorReport,
  type ExaminedCapture,
  InputKind,
  readInputs,
  withCaptures,
} from '../../src/doctor/index.js';
import type { GenerateOptions, GenerateReport } from '../../src/generate/index.js';
import { CaptureKeys } from '../../src/overlay/internal.js';
import { parseKeys } from '../../src/overlay/files.js';
import { type Generated, generated } from '../generate/generated.js';

const { aead } = chooseAead();

/** What doctor says of generated captures, and what was wrong in them. */
export interface Examined {
  readonly report: DoctorReport;
  readonly truth: GenerateReport;
}

async function examined(capture: Generated, name: string, node?: string): Promise<ExaminedCapture> {
  const { bytes, generator } = capture;
  const keys = new CaptureKeys();
  if (generator.encrypted) keys.add(parseKeys(generator.espSa()));
  const source = await openCapture(new MemoryReader(bytes));
  const exam = new CaptureExam({
    trace: true,
    ...(generator.encrypted ? { esp: keys.open(aead, hkdfSha256).esp } : {}),
  });
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) exam.addBatch(batch);
  const evidence = exam.report(source);
  const summary = { file: name, node: node ?? '', kinds: [InputKind.Capture], warnings: [], seconds: undefined };
  return { node, evidence, summary };
}

/**
 * Generates a capture, and lets doctor look at it with its keys and its networks.
 * @param nodes nodes at each of which it is captured. Default: one capture of everything
 */
export async function examine(options: GenerateOptions, nodes: readonly string[] = []): Promise<Examined> {
  const { captures, networks, truth } = await examinedCaptures(options, nodes);
  return { report: reportOf(captures, networks), truth };
}

/** What doctor says of captures, with the networks that Docker describes. */
export function reportOf(captures: readonly ExaminedCapture[], networks: string): DoctorReport {
  const read = readInputs([{ name: 'networks.json', text: networks }]);
  return doctorReport(diagnose(withCaptures(read, captures)));
}

/** The captures of `examine`, examined but not yet diagnosed. */
export async function examinedCaptures(
  options: GenerateOptions,
  nodes: readonly string[] = [],
): Promise<{ captures: ExaminedCapture[]; networks: string; truth: GenerateReport }> {
  const captures: ExaminedCapture[] = [];
  let last: Generated | undefined;
  for (const node of nodes.length === 0 ? [undefined] : nodes) {
    last = generated(node === undefined ? options : { ...options, seenBy: node });
    captures.push(await examined(last, node === undefined ? 'wire.pcap' : `${node}.pcap`, node));
  }
  if (last === undefined) throw new Error('no capture');
  return { captures, networks: last.generator.dockerNetworks(), truth: last.report };
}
