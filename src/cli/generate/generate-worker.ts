/** Entry point of the threads of `generate --workers`. */
import { forgeBackend } from '../../../native-free/forge-aead.js';
import { AEAD_BACKENDS, chooseAead } from '../../aead/index.js';
import { serveGenerate } from '../../generate/index.js';

await serveGenerate((name) => chooseAead(name, [...AEAD_BACKENDS, forgeBackend]).aead);
