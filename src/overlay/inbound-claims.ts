/**
 * A node's SAs to receive with. SPIs are hashes of 32 bits, so two peers' may be one: the first that claims it has it, and
 * when it gives it up the next one does. The kernel, which Docker leaves this to, deletes the SA of both.
 */
import type { InboundSa, Sad } from '../ipsec/index.js';

/** A peer's claim to an SPI under a key. */
export interface InboundClaim {
  readonly spi: number;
  readonly peer: number;
  /** Tag of the key. */
  readonly tag: number;
  /** Makes its SA; undefined if its key is gone by then. */
  readonly make: () => InboundSa | undefined;
}

/** Who has and who waits for each SPI. */
export class InboundClaims {
  readonly #sad: Sad;
  readonly #bySpi = new Map<number, InboundClaim[]>();
  readonly #held = new Map<InboundClaim, InboundSa>();

  constructor(sad: Sad) {
    this.#sad = sad;
  }

  /**
   * Takes a claim.
   * @returns the claim that has the SPI already, if there is one: the new one waits then
   */
  add(claim: InboundClaim): InboundClaim | undefined {
    const claims = this.#bySpi.get(claim.spi) ?? [];
    const holder = claims.find((other) => this.#held.has(other));
    claims.push(claim);
    this.#bySpi.set(claim.spi, claims);
    if (holder === undefined) this.#hold(claim);
    return holder;
  }

  /** Gives a claim up: its SA is closed, and the next one in line whose key is there gets its own. */
  delete(claim: InboundClaim): void {
    const claims = this.#bySpi.get(claim.spi);
    const place = claims?.indexOf(claim) ?? -1;
    if (claims === undefined || place < 0) return;
    claims.splice(place, 1);
    if (claims.length === 0) this.#bySpi.delete(claim.spi);
    const sa = this.#held.get(claim);
    if (sa === undefined) return;
    this.#held.delete(claim);
    this.#sad.delete(sa);
    sa.close();
    claims.some((next) => this.#hold(next));
  }

  /** Makes a claim's SA, unless its key is gone. */
  #hold(claim: InboundClaim): boolean {
    const sa = claim.make();
    if (sa === undefined) return false;
    this.#sad.add(sa);
    this.#held.set(claim, sa);
    return true;
  }
}
