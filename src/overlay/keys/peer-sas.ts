/**
 * A node's SAs with one peer, and the steps from one key ring to another, in Docker's order (moby
 * daemon/libnetwork/drivers/overlay/encryption.go, updateNodeKey):
 *
 *     ring {K0, K1 sends, K2}  ->  ring {K1, K2 sends, K3}
 *     1 rx-delete K0   2 rx-add K3   3 tx-add K2   4 tx-switch to K2   5 tx-delete K1
 *
 * After each step the node and every peer at most one rotation away understand each other: no peer sends with a key
 * that is deleted, and every peer already receives with the key that is switched to. The next step depends only on the
 * current and the wanted state, so a ring may arrive twice, during the steps of another, or several rotations ahead, in
 * which case steps 1 and 2 repeat.
 */
import type { OutboundSa } from '../../ipsec/index.js';
import type { InboundClaim } from './inbound-claims.js';
import type { ClusterKey } from './key-ring.js';

/** Kind of a step. `rx` are inbound SAs, `tx` outbound ones. */
export const StepKind = {
  RxDelete: 'rx-delete',
  RxAdd: 'rx-add',
  TxAdd: 'tx-add',
  TxSwitch: 'tx-switch',
  TxDelete: 'tx-delete',
} as const;
export type StepKind = (typeof StepKind)[keyof typeof StepKind];

/** A completed step. */
export interface RotationStep {
  readonly kind: StepKind;
  /** The peer's id. */
  readonly peer: number;
  /** Tag of the key. */
  readonly tag: number;
}

/** The wanted keys: those to receive with, sorted by tag, and the one to send with. */
export interface WantedKeys {
  readonly keys: readonly ClusterKey[];
  readonly transmit: ClusterKey;
}

/** Creates and closes SAs. Returns undefined for a key whose SPI with the peer is 0. */
export interface SaMaker {
  addInbound(peer: number, address: Uint8Array, key: ClusterKey): InboundClaim | undefined;
  deleteInbound(claim: InboundClaim): void;
  openOutbound(peer: number, address: Uint8Array, key: ClusterKey): OutboundSa | undefined;
  closeOutbound(sa: OutboundSa): void;
}

/** An outbound SA and its key. */
export interface KeyedOutbound {
  readonly key: ClusterKey;
  readonly sa: OutboundSa | undefined;
}

/** The SAs with one peer. */
export class PeerSas {
  /** The SA that seals packets. */
  current: KeyedOutbound | undefined;
  readonly #peer: number;
  readonly #address: Uint8Array;
  readonly #maker: SaMaker;
  readonly #inbound = new Map<ClusterKey, InboundClaim | undefined>();
  /** The SA that isn't in use yet, and the one that no longer is. */
  #pending: KeyedOutbound | undefined;
  #replaced: KeyedOutbound | undefined;

  constructor(peer: number, address: Uint8Array, maker: SaMaker) {
    this.#peer = peer;
    this.#address = new Uint8Array(address);
    this.#maker = maker;
  }

  /** Number of inbound and outbound SAs. */
  get counts(): { readonly rx: number; readonly tx: number } {
    const tx = [this.current, this.#pending, this.#replaced].filter((entry) => entry !== undefined).length;
    return { rx: this.#inbound.size, tx };
  }

  /**
   * Performs the next step towards the wanted keys.
   * @returns the step, or undefined if there is none
   */
  step({ keys, transmit }: WantedKeys): RotationStep | undefined {
    const gone = [...this.#inbound.keys()].find((key) => !keys.includes(key));
    const missing = keys.find((key) => !this.#inbound.has(key));
    if (gone !== undefined && (missing === undefined || this.#inbound.size >= keys.length)) return this.#rxDelete(gone);
    if (missing !== undefined) return this.#rxAdd(missing);
    if (this.#replaced !== undefined) return this.#txDeleteReplaced(this.#replaced);
    if (this.#pending !== undefined && this.#pending.key !== transmit) return this.#txDeletePending(this.#pending);
    if (this.current?.key === transmit) return undefined;
    if (this.#pending === undefined) {
      this.#pending = { key: transmit, sa: this.#maker.openOutbound(this.#peer, this.#address, transmit) };
      return this.#done(StepKind.TxAdd, transmit);
    }
    this.#replaced = this.current;
    this.current = this.#pending;
    this.#pending = undefined;
    return this.#done(StepKind.TxSwitch, transmit);
  }

  /** Closes all SAs. */
  close(): void {
    for (const key of [...this.#inbound.keys()]) this.#rxDelete(key);
    for (const entry of [this.#pending, this.#replaced, this.current]) this.#close(entry);
    this.#pending = undefined;
    this.#replaced = undefined;
    this.current = undefined;
  }

  #rxDelete(key: ClusterKey): RotationStep {
    const claim = this.#inbound.get(key);
    this.#inbound.delete(key);
    if (claim !== undefined) this.#maker.deleteInbound(claim);
    return this.#done(StepKind.RxDelete, key);
  }

  #rxAdd(key: ClusterKey): RotationStep {
    this.#inbound.set(key, this.#maker.addInbound(this.#peer, this.#address, key));
    return this.#done(StepKind.RxAdd, key);
  }

  #txDeleteReplaced(entry: KeyedOutbound): RotationStep {
    this.#replaced = undefined;
    this.#close(entry);
    return this.#done(StepKind.TxDelete, entry.key);
  }

  #txDeletePending(entry: KeyedOutbound): RotationStep {
    this.#pending = undefined;
    this.#close(entry);
    return this.#done(StepKind.TxDelete, entry.key);
  }

  #close(entry: KeyedOutbound | undefined): void {
    if (entry?.sa !== undefined) this.#maker.closeOutbound(entry.sa);
  }

  #done(kind: StepKind, key: ClusterKey): RotationStep {
    return { kind, peer: this.#peer, tag: key.tag };
  }
}
