/** What the files that a user gives are: captures, or texts. By their content, whatever their names. */
import { plainMessage } from '../../../../src/text/plain-text.js';
import { identify, IDENTIFY_BYTES, InputForm, inputText, MAX_INPUT } from '../../../../src/doctor/index.js';
import { type ByteLocation, expandedLocation } from '../../capture/index.js';
import type { GivenText } from '../../worker/messages.js';
import type { FileProblem } from '../state/file-problem.js';

/** A file: `File` has these members. */
export interface NamedBlob extends Blob {
  readonly name: string;
}

/** Files by what they are. */
export interface SortedFiles {
  readonly captures: readonly ByteLocation[];
  readonly texts: readonly GivenText[];
  readonly problems: readonly FileProblem[];
}

/** Sorts files, and unpacks those compressed with gzip. */
export async function sortFiles(files: readonly NamedBlob[]): Promise<SortedFiles> {
  const sorted = { captures: [] as ByteLocation[], texts: [] as GivenText[], problems: [] as FileProblem[] };
  for (const file of files) {
    try {
      await sortFile(file, file.name, sorted);
    } catch (error) {
      // Gone, changed since it was chosen, a folder, or not gzip after all: the browser's own message has the reason.
      if (!(error instanceof Error)) throw error;
      sorted.problems.push({ name: file.name, message: plainMessage(error.message) });
    }
  }
  return sorted;
}

async function sortFile(
  blob: Blob,
  name: string,
  { captures, texts, problems }: { captures: ByteLocation[]; texts: GivenText[]; problems: FileProblem[] },
  wasPacked = false,
): Promise<void> {
  const head = new Uint8Array(await blob.slice(0, IDENTIFY_BYTES).arrayBuffer());
  const { form, what } = identify(head);
  switch (form) {
    case InputForm.Capture:
      captures.push({ kind: 'blob', name, blob });
      break;
    case InputForm.Gzip:
      if (wasPacked) problems.push({ name, message: 'it is compressed twice: unpack it first' });
      else {
        const { location, damage } = await expandedLocation({ kind: 'blob', name, blob });
        if (damage !== undefined) problems.push({ name, message: damage });
        if (location.kind !== 'blob') return;
        await sortFile(location.blob, name.replace(/\.gz$/i, ''), { captures, texts, problems }, true);
      }
      break;
    case InputForm.Text:
      if (blob.size > MAX_INPUT) problems.push({ name, message: 'too long for a text: at most 32 MiB' });
      else if (blob.size === 0) problems.push({ name, message: 'it is empty' });
      else texts.push({ name, text: inputText(new Uint8Array(await blob.arrayBuffer())) });
      break;
    default:
      problems.push({ name, message: what });
  }
}
