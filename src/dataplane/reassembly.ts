/**
 * Reassembly on the receiving side, for the capture decoder and a node's ingress. Fragments from different sources are
 * kept apart, so that unencrypted fragments can't complete a packet that arrived in ESP.
 */
import { Reassembler, type ReassemblerOptions } from '../fragment/index.js';
import { HeaderError, type Layers } from '../wire/index.js';
import { DropReason, dropReasonOfHeaderError, dropReasonOfReassembly } from './drop-reason.js';

/** The source of fragments. */
export const FragmentSource = {
  /** The underlay. */
  Wire: 0,
  /** The payload of ESP: tunnel mode carries fragments (RFC 4301 section 7). */
  Opened: 1,
  /** Another encapsulation, whose identifications are independent of those on the wire. */
  Encapsulated: 2,
} as const;
export type FragmentSource = (typeof FragmentSource)[keyof typeof FragmentSource];

const SOURCES = 3;

/**
 * Parses a packet that was just reassembled.
 * @returns why it is dropped, or `None`. A fragment in a fragment is dropped: no sender makes them, and unnesting them
 *   invites abuse
 */
export function walkReassembled(
  layers: Layers,
  bytes: Uint8Array,
  etherType: number,
  start: number,
  end: number,
): DropReason {
  const headerError = layers.walkNetwork(bytes, etherType, start, end);
  if (headerError !== HeaderError.None) return dropReasonOfHeaderError(headerError, layers.layer);
  return layers.isFragment ? DropReason.Ipv6ExtensionHeader : DropReason.None;
}

/** The reassemblers of one receiver, one per source, each created on its first fragment. */
export class Reassembly {
  readonly #options: ReassemblerOptions | undefined;
  readonly #bySource: (Reassembler | undefined)[] = new Array<Reassembler | undefined>(SOURCES);

  constructor(options?: ReassemblerOptions) {
    this.#options = options;
  }

  /** The reassembler of fragments from one source. */
  of(source: FragmentSource): Reassembler {
    return (this.#bySource[source] ??= new Reassembler(this.#options));
  }

  /** Fragments held for datagrams that are incomplete. */
  get heldFragments(): number {
    return this.#bySource.reduce((sum, made) => sum + (made?.heldFragments ?? 0), 0);
  }

  /** Reassembled packets. */
  get datagrams(): number {
    return this.#bySource.reduce((sum, made) => sum + (made?.datagrams ?? 0), 0);
  }

  /** The fragments of the reassembled packets. */
  get reassembledFragments(): number {
    return this.#bySource.reduce((sum, made) => sum + (made?.reassembledFragments ?? 0), 0);
  }

  /** Adds the dropped fragments by `DropReason`. */
  addDrops(drops: Float64Array): void {
    for (const made of this.#bySource) {
      made?.droppedFragments.forEach((count, drop) => {
        drops[dropReasonOfReassembly(drop as Parameters<typeof dropReasonOfReassembly>[0])] += count;
      });
    }
  }
}
