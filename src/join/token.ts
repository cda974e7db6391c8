/** Swarm's join tokens: `SWMTKN-1-DIGEST-SECRET` (swarmkit ca/config.go). */
import { createHash, timingSafeEqual } from 'node:crypto';
import { JoinError } from './error.js';

/** The digest: 50 digits in base 36; the secret: 25. Version 2 has a FIPS flag. */
const TOKEN = /^SWMTKN-(?:1|2-([01]))-([0-9a-z]{50})-([0-9a-z]{25})$/;
const HIDDEN = '[hidden]';

/** A join token. It never reveals itself in output. */
export class JoinToken {
  readonly #text: string;
  /** SHA-256 of the swarm's root CA. */
  readonly #digest: Buffer;

  /**
   * @param text surrounding blanks are ignored
   * @throws JoinError `BAD_TOKEN`, `FIPS_SWARM`
   */
  constructor(text: string) {
    const match = TOKEN.exec(text.trim());
    if (match === null) {
      throw new JoinError('BAD_TOKEN', 'not a join token: it has the form SWMTKN-1-50 characters-25 characters');
    }
    if (match[1] === '1') throw new JoinError('FIPS_SWARM', 'the swarm requires FIPS cryptography, which vtep is not');
    let digest = 0n;
    for (const digit of match[2]) digest = digest * 36n + BigInt(parseInt(digit, 36));
    const hex = digest.toString(16).padStart(64, '0');
    if (hex.length > 64) throw new JoinError('BAD_TOKEN', 'not a join token: its digest is out of range');
    this.#text = text.trim();
    this.#digest = Buffer.from(hex, 'hex');
  }

  /** Passes the text to a function. */
  use<T>(consumer: (text: string) => T): T {
    return consumer(this.#text);
  }

  /** Whether a root CA, as a manager serves it, is that of the token's swarm. */
  pins(rootPem: Uint8Array): boolean {
    return timingSafeEqual(createHash('sha256').update(rootPem).digest(), this.#digest);
  }

  /** The token without its secret. */
  toString(): string {
    return HIDDEN;
  }

  /** As `toString`. */
  toJSON(): string {
    return HIDDEN;
  }
}
