/** How a pass gets the batches of captures, and the SAs to decrypt them with. */
import { batchesOf, type CaptureBatch, type PacketSource } from '../../../src/capture/portable.js';
import { UnderlayDecoder } from '../../../src/dataplane/index.js';
import type { SaCreation } from '../../../src/ipsec/index.js';
import { WebCryptoEsp } from '../../webcrypto/index.js';
import type { GivenKeys, KeyPass } from '../crypto/given-keys.js';

/** Decryption of captures, or none. */
export interface CaptureDecryption {
  /** Whether ESP is decrypted. */
  readonly isOn: boolean;
  /** Creation times of SAs, from dumps. */
  readonly made: readonly SaCreation[];
  /** Fresh SAs, for the decoder of a pass. */
  openPass(): KeyPass;
  /** The batches of a source, which is closed at its end. */
  batches(source: PacketSource): AsyncIterable<CaptureBatch>;
}

/** ESP stays as it is. */
export const NO_DECRYPTION: CaptureDecryption = {
  isOn: false,
  made: [],
  openPass: () => ({ survey: {}, ring: undefined }),
  batches: batchesOf,
};

/** Decrypts with keys, by WebCrypto as far as it can. */
export async function decryptionWith(keys: GivenKeys): Promise<CaptureDecryption> {
  const esp = await WebCryptoEsp.create();
  return {
    isOn: true,
    made: keys.made,
    openPass: () => keys.open(esp.aead),
    batches: (source) => esp.batches(source, new UnderlayDecoder(keys.open(esp.scout).survey)),
  };
}
