/** Entry point of the worker threads of `replay --workers`. */
import { randomFillSync } from 'node:crypto';
import { forgeBackend } from '../../../native-free/forge-aead.js';
import { AEAD_BACKENDS, chooseAead, hkdfSha256 } from '../../aead/index.js';
import { seedFlows } from '../../memory/index.js';
import { type ReplayWorkerOptions, serveFileReplay, serveReplay } from '../../replay/index.js';
import { isTask } from '../../workers/index.js';

// A fixed seed gives every run the same source ports, so that outputs can be compared.
seedFlows(1);
const options: ReplayWorkerOptions = {
  aead: (name) => chooseAead(name, [...AEAD_BACKENDS, forgeBackend]).aead,
  hkdf: hkdfSha256,
  random: (bytes) => void randomFillSync(bytes),
};
if (isTask()) await serveFileReplay(options);
else serveReplay(options);
