/** Keys for the captures of the tests of doctor. */
import { readFileSync } from 'node:fs';
import { hkdfSha256, nodeBackend } from '../../../src/aead/index.js';
import type { CaptureExamOptions } from '../../../src/doctor/capture/index.js';
import { CaptureKeys } from '../../../src/overlay/internal.js';
import { parseKeys } from '../../../src/overlay/files.js';
import { fixture } from '../../repository.js';

/** What decrypts a capture with the keys of files in fixtures/. */
export function keysOf(...paths: readonly string[]): CaptureExamOptions {
  const keys = new CaptureKeys();
  for (const path of paths) keys.add(parseKeys(readFileSync(fixture(path), 'utf8')));
  return keys.open(nodeBackend.create(), hkdfSha256);
}
