/** A recording as the page has it: indexed, with its bytes and its keys at hand. */
import { readFileSync } from 'node:fs';
import { BlobStore } from '../../../../native-free/explorer/capture/index.js';
import { PacketKeys, PacketReader } from '../../../../native-free/explorer/detail/index.js';
import type { CollectedIndex } from '../../../../native-free/explorer/index/index.js';
import { fixture } from '../../../repository.js';
import { indexed } from '../indexed.js';

export interface OpenedRecording {
  readonly index: CollectedIndex;
  readonly reader: PacketReader;
  readonly keys: PacketKeys;
}

/**
 * Opens a recording.
 * @param name path below `fixtures`
 * @param keys path of its keys
 */
export async function openedRecording(name: string, keys?: string): Promise<OpenedRecording> {
  const bytes = readFileSync(fixture(name));
  const { index } = await indexed([[name, bytes]]);
  return {
    index,
    reader: new PacketReader(index, [new BlobStore(new Blob([bytes]), name)]),
    keys: new PacketKeys(keys === undefined ? [] : [readFileSync(fixture(keys), 'utf8')]),
  };
}
