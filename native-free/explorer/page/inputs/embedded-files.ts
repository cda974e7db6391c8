/** Files that come with the page: the recording for a first look, and what `vtep explore` serves. */
import { plainMessage } from '../../../../src/text/plain-text.js';
import { type ByteLocation, expandedLocation } from '../../capture/index.js';
import type { GivenText } from '../../worker/messages.js';
import type { FileProblem } from '../state/file-problem.js';
import { type NamedBlob, type SortedFiles, sortFiles } from './sort-files.js';

/** A recording in the page: base64 of gzip, by name. */
type EmbeddedFiles = Readonly<Record<string, string>>;

/** A file that `vtep explore` serves: a capture, if it has a size, or a text. */
interface ServedFile {
  readonly name: string;
  readonly url: string;
  readonly size?: number;
}

/** The recording for a first look, with its keys. */
export async function sampleFiles(): Promise<SortedFiles> {
  const files = Object.entries(embedded('sample-files') as EmbeddedFiles).map(([name, base64]): NamedBlob => {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    return Object.assign(new Blob([bytes]), { name });
  });
  return sortFiles(files);
}

/** What `vtep explore` serves with the page; nothing if it was opened in another way. */
export async function servedFiles(): Promise<SortedFiles> {
  const captures: ByteLocation[] = [];
  const texts: GivenText[] = [];
  const problems: FileProblem[] = [];
  for (const { name, url, size } of embedded('served-files') as readonly ServedFile[]) {
    if (size !== undefined) {
      const served = { kind: 'url', name, url: new URL(url, location.href).href, size } as const;
      try {
        const expanded = await expandedLocation(served);
        if (expanded.damage !== undefined) problems.push({ name, message: expanded.damage });
        captures.push(expanded.location);
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        problems.push({ name, message: plainMessage(error.message) });
      }
      continue;
    }
    const response = await fetch(url).catch(() => undefined);
    if (response?.ok === true) texts.push({ name, text: await response.text() });
    else
      problems.push({
        name,
        message: `vtep explore doesn’t serve it any more${response === undefined ? '' : `: ${response.status}`}`,
      });
  }
  return { captures, texts, problems };
}

function embedded(id: string): unknown {
  return JSON.parse(document.getElementById(id)?.textContent ?? '[]');
}
