/** Keys for single packets, in any order: each packet is opened with SAs that have seen nothing before. */
import {
  checkSecurityAssociation,
  InboundEsp,
  InboundSa,
  Sad,
  type SaResolver,
  type SecurityAssociation,
} from '../../../src/ipsec/index.js';
import { parseKeys, type KeyRingFile } from '../../../src/overlay/files.js';
import { RingResolver } from '../../../src/overlay/index.js';
import { formatIp, VtepError } from '../../../src/wire/index.js';
import { forgeBackend } from '../../forge-aead.js';
import { forgeHkdfSha256 } from '../../forge-hkdf.js';

interface KnownSa {
  readonly association: SecurityAssociation;
  readonly inferMode: boolean;
}

function nameOf(spi: number, destination: string): string {
  return `${spi >>> 0} ${destination}`;
}

/** Keys from texts of any format that vtep reads; texts without keys have none. */
export class PacketKeys {
  readonly #sas = new Map<string, KnownSa>();
  #ring: KeyRingFile | undefined;

  /** @param texts outputs of commands, key rings, files of keys; of the same SA, the first one counts */
  constructor(texts: readonly string[]) {
    for (const text of texts) this.#add(text);
  }

  /** Whether there are keys. */
  get isEmpty(): boolean {
    return this.#sas.size === 0 && this.#ring === undefined;
  }

  /** What opens one packet; undefined without keys. */
  open(): InboundEsp | undefined {
    if (this.isEmpty) return undefined;
    const aead = forgeBackend.create();
    const sad = new Sad<InboundSa>();
    const ring = this.#ring;
    const fromRing =
      ring && new RingResolver(ring.ring, aead, sad, forgeHkdfSha256, { profile: ring.profile, midStream: true });
    const resolver: SaResolver = {
      resolve: (spi, family, bytes, addressOffset) => {
        const destination = formatIp(family, bytes, addressOffset + (family === 4 ? 4 : 16));
        const known = this.#sas.get(nameOf(spi, destination));
        if (known === undefined) return fromRing?.resolve(spi, family, bytes, addressOffset);
        const { association, inferMode } = known;
        const sa = new InboundSa(association, aead, { midStream: true, inferMode, anySource: true });
        sad.add(sa);
        return sa;
      },
    };
    return new InboundEsp(aead, sad, resolver);
  }

  #add(text: string): void {
    let file: ReturnType<typeof parseKeys>;
    try {
      file = parseKeys(text);
    } catch (error) {
      // Which of the texts have keys is said elsewhere: most are outputs of other commands.
      if (error instanceof VtepError) return;
      throw error;
    }
    if (file.kind === 'ring') {
      this.#ring ??= file;
      return;
    }
    for (const association of file.associations) {
      const { family, destination } = checkSecurityAssociation(association);
      const name = nameOf(association.spi, formatIp(family, destination));
      if (!this.#sas.has(name)) this.#sas.set(name, { association, inferMode: file.inferMode });
    }
  }
}
