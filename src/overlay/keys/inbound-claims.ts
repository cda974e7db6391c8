/**
 * A node's inbound SAs. SPIs are 32-bit hashes, so two peers may get the same one: the first claim holds the SPI, and
 * the next one takes over when it is released. The kernel, which Docker relies on, deletes both SAs instead.
 */
import type { InboundSa, Sad } from '../../ipsec/index.js';

/** A peer's claim to an SPI under a key. */
export interface InboundClaim {
  readonly spi: number;
  readonly peer: number;
  /** Tag of the key. */
  readonly tag: number;
  /** Creates the SA; undefined if the key is gone by then. */
  readonly make: () => InboundSa | undefined;
}

/** Holders and waiters of each SPI. */
export class InboundClaims {
  readonly #sad: Sad;
  readonly #bySpi = new Map<number, InboundClaim[]>();
  readonly #held = new Map<InboundClaim, InboundSa>();

  constructor(sad: Sad) {
    this.#sad = sad;
  }

  /**
   * Adds a claim.
   * @returns the current holder of the SPI, if any: the new claim then waits
   */
  add(claim: InboundClaim): InboundClaim | undefined {
    const claims = this.#bySpi.get(claim.spi) ?? [];
    const holder = claims.find((other) => this.#held.has(other));
    claims.push(claim);
    this.#bySpi.set(claim.spi, claims);
    if (holder === undefined) this.#hold(claim);
    return holder;
  }

  /** Releases a claim: its SA is closed, and the next claim whose key still exists gets one. */
  delete(claim: InboundClaim): void {
    const claims = this.#bySpi.get(claim.spi);
    const index = claims?.indexOf(claim) ?? -1;
    if (claims === undefined || index < 0) return;
    claims.splice(index, 1);
    if (claims.length === 0) this.#bySpi.delete(claim.spi);
    const sa = this.#held.get(claim);
    if (sa === undefined) return;
    this.#held.delete(claim);
    this.#sad.delete(sa);
    sa.close();
    claims.some((next) => this.#hold(next));
  }

  /** Creates a claim's SA, unless its key is gone. */
  #hold(claim: InboundClaim): boolean {
    const sa = claim.make();
    if (sa === undefined) return false;
    this.#sad.add(sa);
    this.#held.set(claim, sa);
    return true;
  }
}
