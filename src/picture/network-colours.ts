/** Which network has which colour. */
import { NETWORK_COLOURS } from './theme.js';

/** The index of each network's colour, by VNI. */
export type NetworkIndex = ReadonlyMap<number, number>;

/**
 * Gives each network a colour, the same in every picture of a capture: by VNI; if there are more networks than colours,
 * the busiest have one of their own, and the others share the last one.
 */
export function networkIndex(networks: readonly { readonly vni: number; readonly bytes: number }[]): NetworkIndex {
  const few = networks.length <= NETWORK_COLOURS;
  const busiest = [...networks].sort((one, other) => other.bytes - one.bytes || one.vni - other.vni);
  const own = busiest.slice(0, few ? NETWORK_COLOURS : NETWORK_COLOURS - 1).map(({ vni }) => vni);
  const index = new Map(networks.map(({ vni }) => [vni, NETWORK_COLOURS - 1]));
  for (const [i, vni] of own.sort((one, other) => one - other).entries()) index.set(vni, i);
  return index;
}

/** Networks that have a colour of their own, and the number of others. */
export function ownColours<T extends { readonly vni: number }>(
  networks: readonly T[],
  index: NetworkIndex,
): [T[], number] {
  if (networks.length <= NETWORK_COLOURS) return [[...networks], 0];
  const own = networks.filter(({ vni }) => index.get(vni) !== NETWORK_COLOURS - 1);
  return [own, networks.length - own.length];
}
