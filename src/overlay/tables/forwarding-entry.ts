/** An entry of the forwarding table. */

/** Kind of an entry's target. */
export const TargetKind = {
  /** Id of a VTEP. */
  Vtep: 0,
  /** Id of a local endpoint. */
  Local: 1,
} as const;
export type TargetKind = (typeof TargetKind)[keyof typeof TargetKind];

/** An entry as returned by iteration. */
export interface ForwardingEntry {
  readonly vni: number;
  /** 6 bytes. */
  readonly mac: Uint8Array;
  readonly kind: TargetKind;
  readonly target: number;
  readonly static: boolean;
  /** Time it was last seen, in whole seconds of the caller's clock; 0 for static entries. */
  readonly seen: number;
}
