/**
 * A node's SAs with one peer, and the steps that take them from one key ring to another, in Docker's order (moby
 * daemon/libnetwork/drivers/overlay/encryption.go, updateNodeKey):
 *
 *     ring {K0, K1 sends, K2}  ->  ring {K1, K2 sends, K3}
 *     1 rx-delete K0   2 rx-add K3   3 tx-add K2   4 tx-switch to K2   5 tx-delete K1
 *
 * After each step the node understands every peer that is at most one rotation from it, and is understood by it: what is
 * deleted nobody sends with any more, and what is switched to everybody receives already. The next step follows from
 * what is there and what is wanted alone, so that a ring may come twice, in the middle of another, or several rotations
 * ahead, where the steps 1 and 2 are repeated.
 */
import type { OutboundSa } from '../ipsec/index.js';
import type { InboundClaim } from './inbound-claims.js';
import type { ClusterKey } from './key-ring.js';

/** What a step does. `rx` are the SAs to receive with, `tx` those to send with. */
export const StepKind = {
  RxDelete: 'rx-delete',
  RxAdd: 'rx-add',
  TxAdd: 'tx-add',
  TxSwitch: 'tx-switch',
  TxDelete: 'tx-delete',
} as const;
export type StepKind = (typeof StepKind)[keyof typeof StepKind];

/** A step that was taken. */
export interface RotationStep {
  readonly kind: StepKind;
  /** The peer's number. */
  readonly peer: number;
  /** Tag of the key. */
  readonly tag: number;
}

/** The keys that are wanted: those to receive with, in the order of their tags, and the one to send with. */
export interface WantedKeys {
  readonly keys: readonly ClusterKey[];
  readonly transmit: ClusterKey;
}

/** Makes and unmakes SAs. Nothing comes of a key whose SPI with the peer is none (0). */
export interface SaMaker {
  addInbound(peer: number, address: Uint8Array, key: ClusterKey): InboundClaim | undefined;
  deleteInbound(claim: InboundClaim): void;
  openOutbound(peer: number, address: Uint8Array, key: ClusterKey): OutboundSa | undefined;
  closeOutbound(sa: OutboundSa): void;
}

/** An SA to send with, and its key. */
export interface KeyedOutbound {
  readonly key: ClusterKey;
  readonly sa: OutboundSa | undefined;
}

/** The SAs with one peer. */
export class PeerSas {
  /** What packets are sealed with. */
  current: KeyedOutbound | undefined;
  readonly #peer: number;
  readonly #address: Uint8Array;
  readonly #maker: SaMaker;
  readonly #inbound = new Map<ClusterKey, InboundClaim | undefined>();
  /** What was added and isn't sent with yet, and what isn't sent with any more. */
  #pending: KeyedOutbound | undefined;
  #replaced: KeyedOutbound | undefined;

  constructor(peer: number, address: Uint8Array, maker: SaMaker) {
    this.#peer = peer;
    this.#address = address.slice();
    this.#maker = maker;
  }

  /** How many SAs there are to receive and to send with. */
  get counts(): { readonly rx: number; readonly tx: number } {
    const tx = [this.current, this.#pending, this.#replaced].filter((entry) => entry !== undefined).length;
    return { rx: this.#inbound.size, tx };
  }

  /**
   * Takes the next step towards the wanted keys.
   * @returns what it was, or undefined if all is as wanted
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
      return this.#taken(StepKind.TxAdd, transmit);
    }
    this.#replaced = this.current;
    this.current = this.#pending;
    this.#pending = undefined;
    return this.#taken(StepKind.TxSwitch, transmit);
  }

  /** Unmakes all of them. */
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
    return this.#taken(StepKind.RxDelete, key);
  }

  #rxAdd(key: ClusterKey): RotationStep {
    this.#inbound.set(key, this.#maker.addInbound(this.#peer, this.#address, key));
    return this.#taken(StepKind.RxAdd, key);
  }

  #txDeleteReplaced(entry: KeyedOutbound): RotationStep {
    this.#replaced = undefined;
    this.#close(entry);
    return this.#taken(StepKind.TxDelete, entry.key);
  }

  #txDeletePending(entry: KeyedOutbound): RotationStep {
    this.#pending = undefined;
    this.#close(entry);
    return this.#taken(StepKind.TxDelete, entry.key);
  }

  #close(entry: KeyedOutbound | undefined): void {
    if (entry?.sa !== undefined) this.#maker.closeOutbound(entry.sa);
  }

  #taken(kind: StepKind, key: ClusterKey): RotationStep {
    return { kind, peer: this.#peer, tag: key.tag };
  }
}
