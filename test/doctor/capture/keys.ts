/** Keys for the captures of the tests of doctor. */
import { existsSync, readFileSync } from 'node:fs';
import { hkdfSha256, nodeBackend } from '../../../src/aead/index.js';
import type { CaptureExamOptions } from '../../../src/doctor/capture/index.js';
import { CaptureKeys } from '../../../src/overlay/internal.js';
import { parseKeys } from '../../../src/overlay/files.js';
import { swarmKeys } from '../../inspect/gossip/recorded.js';
import { fixture } from '../../repository.js';

/** What decrypts a capture with the keys of files in fixtures/. */
export function keysOf(...paths: readonly string[]): CaptureExamOptions {
  return keysIn(...paths.map((path) => readFileSync(fixture(path), 'utf8')));
}

/** What decrypts a capture with the keys of texts. */
export function keysIn(...texts: readonly string[]): CaptureExamOptions {
  const keys = new CaptureKeys();
  for (const text of texts) keys.add(parseKeys(text));
  return keys.open(nodeBackend.create(), hkdfSha256);
}

/** The keys of the node that holds another key than the sender in `esp/04-esp-wrong-key`. */
export function wrongKeys(): CaptureExamOptions {
  const text = readFileSync(fixture('esp/04-esp-wrong-key.xfrm.txt'), 'utf8');
  return keysIn(text.slice(text.indexOf('## capn2')));
}

/** The keys that there are for a recording. */
export function keysFor(path: string): CaptureExamOptions {
  if (path.startsWith('docker/')) {
    const keys = path.includes('07-encrypted') ? keysOf('docker/07-encrypted.xfrm.txt') : {};
    return { ...keys, gossip: swarmKeys() };
  }
  if (path.includes('wrong-key')) return path.includes('underlay') ? wrongKeys() : {};
  const name = path.replace(/\.[^.]+\.pcap$/, '');
  const dumps = [`${name}.xfrm.txt`, ...['0-before', '4-after'].map((step) => `${name}.${step}.xfrm.txt`)];
  const found = path.startsWith('esp/') ? dumps.filter((dump) => existsSync(fixture(dump))) : [];
  return found.length === 0 || /\/(?:16|20)-/.test(path) ? {} : keysOf(...found);
}
