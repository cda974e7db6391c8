/** What doctor says of the files in a folder, as `vtep doctor` would be given them. */
import { readdirSync, readFileSync } from 'node:fs';
import { chooseAead, hkdfSha256 } from '../../src/aead/index.js';
import { openCaptureFile } from '../../src/capture/index.js';
import {
  type CaptureEvidence,
  CaptureExam,
  diagnose,
  type DoctorResult,
  type ExaminedCapture,
  InputKind,
  readInputs,
  withCaptures,
} from '../../src/doctor/index.js';
import { CaptureKeys } from '../../src/overlay/internal.js';
import { parseKeys } from '../../src/overlay/files.js';

const { aead } = chooseAead();

/** The node of `node1.wire.pcap`, which is given as `node1=node1.wire.pcap`. */
function nodeOf(file: string): string | undefined {
  return /^(node\d)\./.exec(file)?.[1];
}

/**
 * Lets doctor look at all files of a folder, but not at those of folders in it.
 * @param folder path
 * @param sent what becomes of what was found in a capture on its way to the diagnosis. Default: nothing
 */
export async function examinedFolder(
  folder: string,
  sent: (evidence: CaptureEvidence) => CaptureEvidence = (evidence) => evidence,
): Promise<DoctorResult> {
  const files = readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isFile() ? [entry.name] : []));
  const captures = files.filter((name) => name.endsWith('.pcap'));
  const texts = files
    .filter((name) => !captures.includes(name))
    .map((name) => ({ name, node: nodeOf(name), text: readFileSync(`${folder}/${name}`, 'utf8') }));
  const read = readInputs(texts);
  const keys = new CaptureKeys();
  let hasKeys = false;
  for (const { file, kinds } of read.inputs) {
    const text = texts.find(({ name }) => name === file)?.text;
    if (!kinds.includes(InputKind.Keys) || text === undefined) continue;
    keys.add(parseKeys(text));
    hasKeys = true;
  }
  const esp = hasKeys ? { esp: keys.open(aead, hkdfSha256).esp } : {};
  const examined: ExaminedCapture[] = [];
  for (const file of captures) {
    const source = await openCaptureFile(`${folder}/${file}`);
    const exam = new CaptureExam({ ...esp, trace: captures.length > 1 });
    for (let batch = await source.next(); batch !== undefined; batch = await source.next()) exam.addBatch(batch);
    const evidence = { ...sent(exam.report(source)), file };
    const node = nodeOf(file);
    const { firstSeconds: seconds } = evidence;
    const summary = { file, node: node ?? '', kinds: [InputKind.Capture], warnings: [], seconds };
    examined.push({ node, evidence, summary });
  }
  return diagnose(withCaptures(read, examined));
}
