/** Merges the networks that several nodes' Docker reports into one list, one per VNI, and reports contradictions. */
import type { DockerNetwork } from './docker-network.js';
import { OverlayError } from '../error.js';
import type { ImportWarnings } from './import-warnings.js';
import { type Prefix, prefixContains, PrefixMap } from '../prefix.js';
import { FloodPolicy, type Network } from '../topology.js';

/** The networks, and a look-up by address. */
export interface ImportedNetworks {
  readonly networks: readonly Network[];
  /** For each node, the indices of the networks that it takes part in. */
  readonly ofNode: readonly ReadonlySet<number>[];
  /** The network of an address as seen by a node, since two networks may have the same subnet. -1 if there is none. */
  find(node: number, address: Uint8Array): number;
  /** Returns a function that finds the network of an endpoint of a Docker network by address. The network has a VNI. */
  within(network: DockerNetwork): (address: Uint8Array | undefined) => number;
}

/** A subnet, or several with a shared VNI, of one Docker network. */
interface Part {
  readonly vni: number;
  readonly subnets: readonly Prefix[];
  readonly gateways: readonly Uint8Array[];
}

/** Docker assigns the i-th VNI to the i-th IPv4 subnet (moby overlay/ov_network.go); IPv6 subnets belong to them. */
function partsOf({ vnis, subnets, gateways }: DockerNetwork): Part[] {
  const four = subnets.filter(({ address }) => address.length === 4);
  const six = subnets.filter(({ address }) => address.length === 16);
  const count = Math.max(1, four.length, four.length === 0 ? Math.min(six.length, vnis.length) : 0);
  return vnis.slice(0, count).map((vni, i, all) => {
    const own = [...four.slice(i, i + 1), ...six.filter((_, j) => Math.min(j, all.length - 1) === i)];
    const within = gateways.filter((gateway) => own.some((subnet) => prefixContains(subnet, gateway)));
    return { vni, subnets: own, gateways: within };
  });
}

function sameSubnets(a: readonly Prefix[], b: readonly Prefix[]): boolean {
  const keys = (list: readonly Prefix[]): string =>
    list
      .map(({ address, length }) => `${address.join('.')}/${length}`)
      .sort()
      .join(' ');
  return keys(a) === keys(b);
}

/** A node's report of a network. The first one is kept, and others are compared with it. */
interface Report {
  readonly node: string;
  readonly network: DockerNetwork;
}

/**
 * Merges the networks of nodes by VNI.
 * @param names names of the nodes
 * @throws OverlayError `BAD_IMPORT` if one node reports a network as encrypted and another as not
 */
export function joinNetworks(
  docker: readonly (readonly DockerNetwork[])[],
  names: readonly string[],
  warnings: ImportWarnings,
): ImportedNetworks {
  const networks: Network[] = [];
  const indexes = new Map<number, number>();
  const byVni = new Map<number, Report>();
  const byName = new Map<string, Report>();
  const taken = new Set<string>();
  const ofNode = names.map(() => new Set<number>());
  const everywhere = new PrefixMap<number>();
  const there = names.map(() => new PrefixMap<number>());

  const add = (report: Report, part: Part, several: boolean): number => {
    const { name, encrypted, mtu } = report.network;
    const own = several || taken.has(name) ? `${name} (VNI ${part.vni})` : name;
    taken.add(own);
    byVni.set(part.vni, report);
    indexes.set(part.vni, networks.length);
    networks.push({ name: own, ...part, encrypted, mtu, flood: FloodPolicy.Drop, learning: false });
    return networks.length - 1;
  };
  const compare = (index: number, before: Report, report: Report, part: Part): void => {
    const { network } = report;
    const known = networks[index];
    checkEncryption(before, report);
    const both = `${before.node} and ${report.node}`;
    if (before.network.name !== network.name) {
      const text = `VNI ${part.vni} is ${before.network.name} on ${before.node} and ${network.name} on ${report.node}`;
      warnings.add('names', `${text}: treated as one network`);
    }
    if (!sameSubnets(known.subnets, part.subnets)) {
      warnings.add('subnets', `network ${known.name} has different subnets on ${both}: ${before.node}'s are used`);
    }
    if (known.mtu !== undefined && known.mtu !== network.mtu) {
      const mtu = Math.min(known.mtu, network.mtu);
      warnings.add(
        'mtu',
        `network ${known.name} has an MTU of ${before.network.mtu} on ${before.node} and of ${network.mtu} on ${report.node}: ${mtu} is used`,
      );
      networks[index] = { ...known, mtu };
    }
  };
  const compareVnis = (before: Report, { node, network }: Report): void => {
    const [one, other] = [before.network, network].map(({ vnis }) => vnis.join(','));
    if (one === other) return;
    warnings.add(
      'vnis',
      `network ${network.name} has VNI ${one} on ${before.node} and ${other} on ${node}:` +
        ' no traffic passes between them (were the outputs collected at different times?)',
    );
  };

  docker.forEach((list, node) => {
    for (const network of list) {
      const parts = partsOf(network);
      const report = { node: names[node], network };
      const before = byName.get(network.name);
      // A manager without tasks lists a network without a VNI, but still knows whether it is encrypted.
      if (before !== undefined) checkEncryption(before, report);
      if (before === undefined || before.network.vnis.length === 0) byName.set(network.name, report);
      else if (parts.length > 0) compareVnis(before, report);
      if (parts.length === 0) continue;
      for (const part of parts) {
        const known = indexes.get(part.vni);
        const first = byVni.get(part.vni);
        if (known !== undefined && first !== undefined) compare(known, first, report, part);
        const index = known ?? add(report, part, parts.length > 1);
        ofNode[node].add(index);
        for (const subnet of part.subnets) {
          there[node].add(subnet, index);
          everywhere.add(subnet, index);
        }
      }
    }
  });
  const find = (node: number, address: Uint8Array): number =>
    there[node].find(address) ?? everywhere.find(address) ?? -1;
  return {
    networks,
    ofNode,
    find,
    within(network) {
      const parts = partsOf(network);
      const indexOf = ({ vni }: Part): number => indexes.get(vni) ?? -1;
      const subnets = new PrefixMap<number>();
      for (const part of parts) for (const subnet of part.subnets) subnets.add(subnet, indexOf(part));
      return (address) => (address === undefined ? undefined : subnets.find(address)) ?? indexOf(parts[0]);
    },
  };
}

/**
 * Throws if two reports disagree on encryption: either may be right, and the wrong choice would send secrets in the
 * clear.
 */
function checkEncryption(before: Report, report: Report): void {
  if (before.network.encrypted === report.network.encrypted) return;
  const [on, off] = before.network.encrypted ? [before, report] : [report, before];
  throw new OverlayError(
    'BAD_IMPORT',
    `network ${report.network.name} is encrypted on ${on.node} and not on ${off.node}: the outputs contradict each other;` +
      ' collect both again',
  );
}
