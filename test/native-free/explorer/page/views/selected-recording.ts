/** A recording with everything in it selected, as the views get it. */
import { readFileSync } from 'node:fs';
import { selectPackets, type Selection } from '../../../../../native-free/explorer/filter/index.js';
import type { CollectedIndex } from '../../../../../native-free/explorer/index/index.js';
import type { IndexReports } from '../../../../../native-free/explorer/worker/messages.js';
import { fixture } from '../../../../repository.js';
import { indexed } from '../../indexed.js';

export interface SelectedRecording {
  readonly index: CollectedIndex;
  readonly reports: IndexReports;
  readonly selection: Selection;
}

/**
 * Opens a recording.
 * @param name path below `fixtures`
 * @param keys path of its keys
 */
export async function selectedRecording(name: string, keys?: string): Promise<SelectedRecording> {
  const texts = keys === undefined ? [] : [{ name: keys, text: readFileSync(fixture(keys), 'utf8') }];
  const { index, reports } = await indexed([[name, readFileSync(fixture(name))]], {
    texts,
    decrypt: keys !== undefined,
  });
  if (reports === undefined) throw new Error(`${name} is no capture`);
  const range = { from: undefined, to: undefined };
  const selection = await selectPackets(index, { test: undefined, range }, () => Promise.resolve());
  return { index, reports, selection };
}
