/**
 * Reassembly on the receiving side, for the capture decoder and for a node's ingress alike: fragments are told apart by where
 * they came from, so that nobody can complete what ESP held with fragments in clear.
 */
import { Reassembler, type ReassemblerOptions } from '../fragment/index.js';
import { Fault, type Layers } from '../wire/index.js';
import { DropReason, dropReasonOfFault, dropReasonOfReassembly } from './drop-reason.js';

/** Where fragments came from. */
export const FragmentSource = {
  /** The underlay. */
  Wire: 0,
  /** An ESP packet that was opened: tunnel mode carries fragments (RFC 4301 section 7). */
  Opened: 1,
  /** Another encapsulation, whose identifications are other senders' than those on the wire. */
  Encapsulated: 2,
} as const;
export type FragmentSource = (typeof FragmentSource)[keyof typeof FragmentSource];

const SOURCES = 3;

/**
 * Walks over a packet that was just reassembled.
 * @returns why it is dropped, or `None`. A fragment in a fragment is dropped: no sender makes them, and unpacking one more
 *   would be an invitation
 */
export function walkReassembled(
  layers: Layers,
  bytes: Uint8Array,
  etherType: number,
  start: number,
  end: number,
): DropReason {
  const fault = layers.walkNetwork(bytes, etherType, start, end);
  if (fault !== Fault.None) return dropReasonOfFault(fault, layers.layer);
  return layers.isFragment ? DropReason.Ipv6ExtensionHeader : DropReason.None;
}

/** The reassemblers of one receiver; each is made when its first fragment comes. */
export class Reassembly {
  readonly #options: ReassemblerOptions | undefined;
  readonly #made: (Reassembler | undefined)[] = new Array<Reassembler | undefined>(SOURCES);

  constructor(options?: ReassemblerOptions) {
    this.#options = options;
  }

  /** The reassembler of fragments from one source. */
  of(source: FragmentSource): Reassembler {
    return (this.#made[source] ??= new Reassembler(this.#options));
  }

  /** Fragments that wait for the others. */
  get heldFragments(): number {
    return this.#made.reduce((sum, made) => sum + (made?.heldFragments ?? 0), 0);
  }

  /** Packets that were reassembled. */
  get datagrams(): number {
    return this.#made.reduce((sum, made) => sum + (made?.datagrams ?? 0), 0);
  }

  /** Fragments that they were made of. */
  get reassembledFragments(): number {
    return this.#made.reduce((sum, made) => sum + (made?.reassembledFragments ?? 0), 0);
  }

  /** Adds the fragments that were dropped, by `DropReason`. */
  addDrops(drops: Float64Array): void {
    for (const made of this.#made) {
      made?.droppedFragments.forEach((count, drop) => {
        drops[dropReasonOfReassembly(drop as Parameters<typeof dropReasonOfReassembly>[0])] += count;
      });
    }
  }
}
