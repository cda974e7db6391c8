/** Bounded packet counts by VNI. */

/** Maximum number of VNIs counted separately; people read only a few. */
const MAX_VNIS = 64;

/** Packet counts by VNI as plain data, the most frequent first. */
export interface VniPackets {
  readonly packets: number;
  readonly vnis: readonly { readonly vni: number; readonly packets: number }[];
}

/** Packet counts by VNI. */
export class VniCounts {
  /** All packets, including those of VNIs that are not counted separately. */
  packets = 0;
  readonly #counts = new Map<number, number>();

  /** Counts packets of a VNI. */
  add(vni: number, packets: number): void {
    this.packets += packets;
    const count = this.#counts.get(vni);
    if (count !== undefined || this.#counts.size < MAX_VNIS) this.#counts.set(vni, (count ?? 0) + packets);
  }

  /**
   * Adds the counts of others.
   * @returns whether the result is the same as if all had been counted here: with as many VNIs as are counted, or several
   *   equally frequent ones, it depends on the order of packets
   */
  merge({ packets, vnis }: VniPackets): boolean {
    if (packets === 0) return true;
    const listed = vnis.reduce((sum, { packets: count }) => sum + count, 0);
    for (const { vni, packets: count } of vnis) this.add(vni, count);
    this.packets += packets - listed;
    const counts = new Set(this.#counts.values());
    return this.#counts.size < MAX_VNIS && counts.size === this.#counts.size;
  }

  /** The counts by VNI, in the order of their first packets; at most 64. */
  get byVni(): ReadonlyMap<number, number> {
    return this.#counts;
  }

  /** VNIs, the most frequent first; at most 64. */
  get vnis(): { readonly vni: number; readonly packets: number }[] {
    return [...this.#counts].map(([vni, packets]) => ({ vni, packets })).sort((a, b) => b.packets - a.packets);
  }

  /** The most frequent VNIs, for people: `VNI 257, 4097, ...`. */
  get text(): string {
    const names = this.vnis.map(({ vni }) => vni);
    return `VNI ${names.slice(0, 5).join(', ')}${names.length > 5 ? ', ...' : ''}`;
  }
}
