/** The networks that a node's attachments and load balancers amount to. */
import type { AttachedNetwork, NodeBalancer } from '../../join/index.js';
import { FloodPolicy, type Network, parseIp, parsePrefix } from '../../overlay/index.js';
import type { JoinedNetwork } from '../swarm-options.js';

/** A network without this node's endpoints, and the attachments to it. */
export interface WantedNetwork {
  readonly network: Omit<JoinedNetwork, 'endpoints'>;
  readonly attachments: readonly AttachedNetwork[];
}

/** The bytes of an address, such as `10.0.9.4/24`. */
export function addressBytes(text: string): Uint8Array {
  return parseIp(text.split('/')[0]);
}

/** The networks of attachments, by id. Load balancers alone, as on the ingress network, are none. */
export function wantedNetworks(
  attachments: readonly AttachedNetwork[],
  balancers: readonly NodeBalancer[],
): Map<string, WantedNetwork> {
  const byId = new Map<string, AttachedNetwork[]>();
  for (const attachment of attachments) {
    const { networkId } = attachment;
    byId.set(networkId, [...(byId.get(networkId) ?? []), attachment]);
  }
  const addressOf = new Map(balancers.map(({ networkId, address }) => [networkId, address]));
  return new Map(
    [...byId].map(([id, [first, ...others]]) => {
      const { internal, dsr, ingress } = first;
      // Of a drained node the swarm lists an address that an endpoint asked for.
      const isEndpoint = [first, ...others].some(({ address }) => address === addressOf.get(id));
      const balancer = isEndpoint ? undefined : addressOf.get(id);
      const network = {
        id,
        networks: networksOf(first),
        ingress,
        internal,
        dsr,
        balancer: balancer === undefined ? undefined : addressBytes(balancer),
      };
      return [id, { network, attachments: [first, ...others] }];
    }),
  );
}

/** A network for each subnet, since each has a VNI; the first one has the name that services know. */
function networksOf({ networkName, networkId, subnets, encrypted, mtu }: AttachedNetwork): Network[] {
  const name = networkName === '' ? networkId : networkName;
  return subnets.map(({ subnet, gateway, vni }, i) => ({
    name: i === 0 ? name : `${name} ${subnet}`,
    vni,
    subnets: [parsePrefix(subnet)],
    gateways: gateway === undefined ? [] : [parseIp(gateway)],
    encrypted,
    mtu,
    flood: FloodPolicy.Drop,
    learning: false,
  }));
}
