/** Nodes and networks of a config of vtep, as the facts that Docker's outputs give of others. */
import { isVtepError } from '../../../error.js';
import { parseConfig } from '../../../overlay/files.js';
import { ClusterKey, formatAddress, formatPrefix, KeyRing, type Topology } from '../../../overlay/index.js';
import { formatMac } from '../../../wire/index.js';
import type { NetworkView } from '../../evidence/docker.js';
import { keptText, placeIn, type Source } from '../source.js';

/** A node of a config. */
export interface ConfigNode {
  readonly name: string;
  readonly address: string;
  readonly networks: readonly NetworkView[];
}

const KEY_BYTES = 16;

/** Whether a text begins like a config: with its nodes and networks. */
export function looksLikeConfig(text: string): boolean {
  return /^nodes\s*:/m.test(text) && /^networks\s*:/m.test(text);
}

/** The nodes of a config; undefined, with a warning, if it has a mistake. */
export function parseConfigNodes(source: Source): readonly ConfigNode[] | undefined {
  try {
    // In place of the config's own keys, so that none of them is kept, and none is needed.
    const ring = new KeyRing([
      new ClusterKey(
        0,
        Uint8Array.from({ length: KEY_BYTES }, (_, i) => i + 1),
      ),
    ]);
    return nodesOf(source, parseConfig(source.text, { ring }));
  } catch (error) {
    if (!isVtepError(error)) throw error;
    source.warn(`not a valid config of vtep: ${error.message}`);
    return undefined;
  }
}

function nodesOf(source: Source, topology: Topology): ConfigNode[] {
  const { nodes, networks, endpoints } = topology;
  const place = placeIn(source, 1);
  const byNetwork = networks.map((): (typeof endpoints)[number][] => []);
  for (const endpoint of endpoints) byNetwork[endpoint.network].push(endpoint);
  const peers = byNetwork.map((list) => [...new Set(list.map(({ node }) => formatAddress(nodes[node].vtep)))]);
  // One pass over the endpoints: a config may have hundreds of thousands.
  const own = nodes.map(() => new Map<number, NetworkView['endpoints'][number][]>());
  for (const { node, network, name, mac, ip } of endpoints) {
    const list = own[node].get(network) ?? [];
    own[node].set(network, list);
    const address = ip === undefined ? '' : formatAddress(ip);
    list.push({
      name: keptText(name),
      mac: formatMac(mac, 0),
      ipv4: ip?.length === 4 ? address : '',
      ipv6: ip?.length === 16 ? address : '',
    });
  }
  return nodes.map(({ name, vtep }, node) => ({
    name: keptText(name),
    address: formatAddress(vtep),
    networks: networks.map((network, i): NetworkView => ({
      place,
      name: keptText(network.name),
      id: '',
      ingress: topology.services?.networks.find((one) => one.name === network.name)?.ingress ?? false,
      vnis: [network.vni],
      subnets: network.subnets.map(formatPrefix),
      encrypted: network.encrypted,
      encryptedOption: undefined,
      driverMtu: undefined,
      options: {},
      ipv6: network.subnets.some(({ address }) => address.length === 16),
      endpoints: own[node].get(i) ?? [],
      peers: peers[i],
      tasks: undefined,
      classic: false,
    })),
  }));
}
