/** Where addresses are over time, for the findings about duplicates and moves. */
import type { EndpointHome } from '../../capture/index.js';

/** IPv4 addresses of an endpoint, at most: its own, and one that it takes over. */
const MAX_ADDRESSES = 2;

/** Whether two homes are in use at the same time: neither begins after the other ends. */
function overlap(a: EndpointHome, b: EndpointHome): boolean {
  if (a.firstSeconds === undefined || b.firstSeconds === undefined) return a.count > 1 || b.count > 1;
  return a.firstSeconds < (b.lastSeconds ?? a.firstSeconds) && b.firstSeconds < (a.lastSeconds ?? b.firstSeconds);
}

function groupsBy(homes: readonly EndpointHome[], nameOf: (home: EndpointHome) => string): EndpointHome[][] {
  const groups = new Map<string, EndpointHome[]>();
  for (const home of homes) {
    const group = groups.get(nameOf(home));
    if (group === undefined) groups.set(nameOf(home), [home]);
    else group.push(home);
  }
  return [...groups.values()].filter((group) => group.length > 1);
}

/** Two homes of a group that are in use at the same time, and differ. */
export function concurrent(
  group: readonly EndpointHome[],
  differ: (a: EndpointHome, b: EndpointHome) => boolean,
): [EndpointHome, EndpointHome] | undefined {
  for (let i = 0; i < group.length; i++) {
    for (let j = i + 1; j < group.length; j++) {
      if (differ(group[i], group[j]) && overlap(group[i], group[j])) return [group[i], group[j]];
    }
  }
  return undefined;
}

/** The homes of each IP address that has more than one. */
export function endpointPlaces(homes: readonly EndpointHome[]): EndpointHome[][] {
  return groupsBy(homes, ({ vni, address }) => `${vni} ${address}`);
}

/** The homes of each MAC address that has more than one. */
export function macPlaces(homes: readonly EndpointHome[]): EndpointHome[][] {
  return groupsBy(homes, ({ vni, mac }) => `${vni} ${mac}`);
}

/** Whether any two of them are in use at the same time: duplicates, not a move. */
export function areConcurrent(homes: readonly EndpointHome[]): boolean {
  return concurrent(homes, () => true) !== undefined;
}

/**
 * Whether a MAC address is that of a router or a gateway: it sends for several addresses of one family from one VTEP. Several VTEPs
 * can have it (an anycast gateway), and what it forwards can come by several of them.
 */
export function routers(homes: readonly EndpointHome[]): (home: EndpointHome) => boolean {
  const nameOf = ({ vni, mac, vtep, address }: EndpointHome): string =>
    `${vni} ${mac} ${vtep} ${address.includes(':') ? 6 : 4}`;
  const counts = new Map<string, number>();
  for (const home of homes) counts.set(nameOf(home), (counts.get(nameOf(home)) ?? 0) + 1);
  return (home) => !home.address.includes(':') && (counts.get(nameOf(home)) ?? 0) > MAX_ADDRESSES;
}

/** Whether one of two was only away from where it is now: it moved, and came back. */
export function isRoundTrip(a: EndpointHome, b: EndpointHome): boolean {
  return (a.count === 2 && b.count === 1) || (a.count === 1 && b.count === 2);
}
