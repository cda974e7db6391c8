/** Entry point of the threads of `generate --workers`. */
import { type Aead, AEAD_BACKENDS, AeadError, chooseAead } from '../../aead/index.js';
import { serveGenerate } from '../../generate/index.js';

/** Forge is the slowest to load: only on request, or if no other backend works. */
async function cipher(name: string | undefined): Promise<Aead> {
  try {
    return chooseAead(name).aead;
  } catch (error) {
    if (!(error instanceof AeadError)) throw error;
    const { forgeBackend } = await import('../../../native-free/forge-aead.js');
    return chooseAead(name, [...AEAD_BACKENDS, forgeBackend]).aead;
  }
}

await serveGenerate(cipher);
