/** Keys from files of any format as the SAs that open the packets of a capture. */
import type { Aead } from '../../aead/portable.js';
import {
  checkSecurityAssociation,
  formatSpi,
  InboundEsp,
  InboundSa,
  Sad,
  type SecurityAssociation,
} from '../../ipsec/index.js';
import { OverlayError } from '../error.js';
import type { HkdfSha256 } from '../profile.js';
import type { KeyRingFile } from './key-ring-file.js';
import type { KeysFile } from './keys-file.js';
import { RingResolver, type RingSa } from './ring-resolver.js';

/** An SA from a file, and whether its mode is inferred from packets. */
interface ImportedSa {
  readonly association: SecurityAssociation;
  readonly inferMode: boolean;
}

/** The SAs of a pass. */
interface OpenPass {
  readonly sad: Sad;
  readonly resolver: RingResolver | undefined;
}

/** The keys of any number of files: added once, opened for any number of passes over a capture. */
export class CaptureKeys {
  readonly #imported = new Map<string, ImportedSa>();
  #ring: KeyRingFile | undefined;
  readonly #passes = new Map<number, OpenPass>();

  /** The key ring, if one was added. */
  get ring(): KeyRingFile | undefined {
    return this.#ring;
  }

  /**
   * Adds the keys of a file.
   * @returns a warning for each SA that an earlier file has with a different key, which is used
   * @throws OverlayError `BAD_KEY_RING` for a second ring
   */
  add(file: KeysFile): string[] {
    if (file.kind === 'ring') {
      if (this.#ring !== undefined) {
        throw new OverlayError('BAD_KEY_RING', 'only one key ring is allowed; put all keys into one file');
      }
      this.#ring = file;
      return [];
    }
    const warnings: string[] = [];
    for (const association of file.associations) {
      const { destination } = checkSecurityAssociation(association);
      const name = `${association.spi} ${destination.join('.')}`;
      const before = this.#imported.get(name);
      if (before === undefined) {
        this.#imported.set(name, { association, inferMode: file.inferMode });
      } else if (!before.association.keymat.equals(association.keymat)) {
        const which = `SPI ${formatSpi(association.spi)} to ${association.destination}`;
        warnings.push(`${which} has a different key in an earlier file, which is used`);
      }
    }
    return warnings;
  }

  /**
   * Creates fresh SAs for a pass. The result of the previous `open` with the same number becomes unusable.
   * @param pass tells passes at the same time apart
   * @returns what opens ESP, and the SAs that packets derive from the key ring
   */
  open(aead: Aead, hkdf: HkdfSha256, pass = 0): { readonly esp: InboundEsp; readonly ringSas: readonly RingSa[] } {
    this.#closeSas(pass);
    const sad = new Sad();
    // A capture rarely starts with the first packet of an SA, and NAT may have changed the source address.
    for (const { association, inferMode } of this.#imported.values()) {
      sad.add(new InboundSa(association, aead, { midStream: true, inferMode, anySource: true }));
    }
    const ring = this.#ring;
    const resolver = ring && new RingResolver(ring.ring, aead, sad, hkdf, { profile: ring.profile, midStream: true });
    this.#passes.set(pass, { sad, resolver });
    return { esp: new InboundEsp(aead, sad, resolver), ringSas: resolver?.created ?? [] };
  }

  /** The imported SAs and those derived in the last passes, with their keys. */
  associations(): SecurityAssociation[] {
    const derived = [...this.#passes.values()].flatMap(({ resolver }) => [...(resolver?.associations() ?? [])]);
    const imported = Array.from(this.#imported.values(), ({ association }) => association);
    return [...imported, ...derived];
  }

  /** Closes the SAs of the last passes. */
  close(): void {
    for (const pass of this.#passes.keys()) this.#closeSas(pass);
  }

  #closeSas(pass: number): void {
    const sad = this.#passes.get(pass)?.sad;
    if (sad === undefined) return;
    for (const sa of sad) {
      sad.delete(sa);
      sa.close();
    }
  }

  /**
   * Closes the SAs and wipes the keys of all files: nothing can be decrypted afterwards.
   * @param keepRing whether the key ring stays usable, as the caller's
   */
  wipe(keepRing = false): void {
    this.close();
    for (const { association } of this.#imported.values()) association.keymat.wipe();
    if (!keepRing) this.#ring?.ring.wipe();
  }
}
