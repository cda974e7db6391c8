/** Counts packets with VXLAN or ESP inside another encapsulation. */
import type { UnderlayDecoder } from '../dataplane/index.js';

/** The packets, and the encapsulations around them. */
export class EncapsulationCounts {
  packets = 0;
  /** In the order of their first packets. */
  readonly kinds = new Set<number>();

  /** Counts the packet that was decoded last. */
  add({ depth, encapsulations, parts }: UnderlayDecoder): void {
    this.packets += parts;
    for (let i = 0; i < depth; i++) this.kinds.add(encapsulations[i]);
  }
}
