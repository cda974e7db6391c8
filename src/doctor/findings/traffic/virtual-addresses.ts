/** The virtual IPs of services, and what they are on the wire: shared by the findings about addresses. */
import type { Evidence } from '../../evidence/evidence.js';
import type { Place } from '../../evidence/place.js';

/** The option of networks whose backends answer clients directly (IPVS direct routing), as the virtual IP. */
const DIRECT_RETURN = 'dsr';

/** A service's virtual address. */
export interface Vip {
  readonly service: string;
  readonly place: Place;
}

/** Every virtual IP that an input names. */
export function vipsOf({ nodes }: Evidence): Map<string, Vip> {
  const vips = new Map<string, Vip>();
  const add = (address: string, service: string, place: Place): void => {
    const [ip] = address.split('/');
    if (ip !== '') vips.set(ip, { service, place });
  };
  for (const { services, networks } of nodes) {
    for (const service of services) {
      for (const { address } of service.vips) add(address, service.name, service.place);
    }
    for (const network of networks) {
      for (const { vip, service } of network.tasks ?? []) add(vip, service, network.place);
    }
  }
  return vips;
}

/** Whether a network has direct server return: its load balancers send frames to the virtual IP, and backends from it. */
export function hasDirectReturn({ nodes }: Evidence, vni: number): boolean {
  return nodes.some(({ networks }) =>
    networks.some(({ vnis, options }) => vnis.includes(vni) && Object.hasOwn(options, DIRECT_RETURN)),
  );
}
