/** The kernel's counters of a device. */
import { type NetworkNamespace } from './network-namespace.js';

/** One direction. A packet with many segments counts once. */
export interface Counted {
  readonly packets: number;
  readonly bytes: number;
  readonly errors: number;
  readonly dropped: number;
}

/** Both directions. */
export interface LinkCounters {
  readonly received: Counted;
  readonly sent: Counted;
}

interface Link {
  readonly stats64: { readonly rx: Counted; readonly tx: Counted };
}

function counted({ packets, bytes, errors, dropped }: Counted): Counted {
  return { packets, bytes, errors, dropped };
}

/**
 * Reads a device's counters.
 *
 * @throws {Error} with the message of `ip`, if there is no such device
 */
export function linkCounters(namespace: NetworkNamespace, device: string): LinkCounters {
  const [link] = JSON.parse(namespace.ip(`-statistics -json link show dev ${device}`)) as [Link];
  return { received: counted(link.stats64.rx), sent: counted(link.stats64.tx) };
}
