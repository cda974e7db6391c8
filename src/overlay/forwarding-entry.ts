/** An entry of the forwarding table. */

/** What an entry's target is. */
export const TargetKind = {
  /** Number of a VTEP. */
  Vtep: 0,
  /** Number of a local endpoint. */
  Local: 1,
} as const;
export type TargetKind = (typeof TargetKind)[keyof typeof TargetKind];

/** An entry as it is given out. */
export interface ForwardingEntry {
  readonly vni: number;
  /** 6 bytes. */
  readonly mac: Uint8Array;
  readonly kind: TargetKind;
  readonly target: number;
  readonly static: boolean;
  /** When it was seen last, in whole seconds of the caller's clock; 0 for static ones. */
  readonly seen: number;
}
