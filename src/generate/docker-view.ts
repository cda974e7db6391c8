/** What `docker network inspect --verbose` prints of the networks on the first node: for programs that compare a capture with it. */
import { EndpointKind, formatAddress, formatPrefix } from '../overlay/index.js';
import { formatMac } from '../wire/index.js';
import type { World } from './world.js';

const VNI_OPTION = 'com.docker.network.driver.overlay.vxlanid_list';
const MTU_OPTION = 'com.docker.network.driver.mtu';
/** Docker's MTU of an underlay unless the network has the option. */
const DOCKER_MTU = 1500;
const VIP_HOST = 2;

/** An id as Docker's are, that says what it is of. */
function idOf(kind: number, index: number): string {
  return `${kind.toString(16)}${index.toString(16).padStart(63, '0')}`;
}

/** The JSON. */
export function dockerNetworks(world: World, mtu: number): string {
  const { networks, nodes, endpoints } = world;
  const views = networks.map(({ name, vni, subnets, gateways, encrypted }, network) => {
    const own = endpoints.map((endpoint, index) => ({ ...endpoint, index })).filter((one) => one.network === network);
    const length = subnets[0].length;
    const shown = (address: Uint8Array | undefined, bytes: number): string =>
      address?.length === bytes ? `${formatAddress(address)}/${length}` : '';
    const tasks = own.filter(({ kind }) => kind !== EndpointKind.Balancer);
    return {
      Name: name,
      Id: `${name}${idOf(1, vni)}`.slice(0, 25),
      Scope: 'swarm',
      Driver: 'overlay',
      EnableIPv6: subnets[0].address.length === 16,
      IPAM: { Driver: 'default', Config: [{ Subnet: formatPrefix(subnets[0]), Gateway: formatAddress(gateways[0]) }] },
      Internal: false,
      Attachable: true,
      Ingress: name === 'ingress',
      Containers: Object.fromEntries(
        own
          .filter(({ node }) => node === 0)
          .map(({ name: container, ip, mac, index }) => [
            idOf(2, index),
            {
              Name: container,
              EndpointID: idOf(3, index),
              MacAddress: formatMac(mac),
              IPv4Address: shown(ip, 4),
              IPv6Address: shown(ip, 16),
            },
          ]),
      ),
      Options: {
        [VNI_OPTION]: String(vni),
        ...(encrypted ? { encrypted: '' } : {}),
        ...(mtu === DOCKER_MTU ? {} : { [MTU_OPTION]: String(mtu) }),
      },
      Labels: {},
      Peers: nodes.map((node, index) => ({ Name: idOf(4, index).slice(-12), IP: formatAddress(node.vtep) })),
      Services: {
        web: {
          VIP: formatAddress(world.addressIn(network, VIP_HOST)),
          Ports: [],
          LocalLBIndex: 256,
          Tasks: tasks.map(({ name: task, ip, node, index }) => ({
            Name: task,
            EndpointID: idOf(3, index),
            EndpointIP: ip === undefined ? '' : formatAddress(ip),
            Info: { 'Host IP': formatAddress(nodes[node].vtep) },
          })),
        },
      },
    };
  });
  return `${JSON.stringify(views, undefined, 2)}\n`;
}
