/** The MTU of each network beside that of the underlay. */
import { DOCKER_DRIVER_MTU, dockerMtu, mtuOf } from '../../overlay/index.js';
import type { Evidence, NodeEvidence } from '../evidence/evidence.js';
import type { Link } from '../evidence/kernel.js';
import type { Placed } from '../evidence/place.js';
import { isIpv6 } from './addresses.js';
import { isInUse, type Seen, viewsByNetwork } from './networks.js';
import { ownAddresses } from './nodes.js';
import { isDockerDevice } from './tunnel-tables.js';
import { type Underlay, underlayOf } from './underlay.js';

/** A network, and the node whose underlay allows the smallest packets on it. */
export interface NetworkPath {
  /** The network's name, or `VNI 4097` if no input names it. */
  readonly name: string;
  /** The vxlan device, if it isn't Docker's. */
  readonly foreignDevice: string | undefined;
  /** If it has one. */
  readonly vni: number | undefined;
  readonly ingress: boolean;
  readonly encrypted: boolean;
  /** `com.docker.network.driver.mtu`; undefined without it. */
  readonly option: number | undefined;
  /** MTU in containers, in bytes. */
  readonly innerMtu: number;
  /** Whether `innerMtu` is that of a vxlan device; otherwise it follows from the options. */
  readonly isMeasured: boolean;
  /** Largest inner MTU that fits the underlay, in bytes. */
  readonly fitting: number;
  readonly node: NodeEvidence;
  readonly underlay: Underlay;
  /** Nodes on the network whose underlay is known. */
  readonly nodes: readonly NodeEvidence[];
  readonly all: readonly { readonly node: NodeEvidence; readonly link: Link }[];
  /** Whether the underlay of all nodes on the network is known. */
  readonly isComplete: boolean;
  /** Where the network's MTU comes from. */
  readonly facts: readonly Placed[];
}

interface Known {
  readonly node: NodeEvidence;
  readonly underlay: Underlay;
}

/** Less leaves no room for the headers, and isn't an underlay. */
const SMALLEST = 200;
const DOCKER_ICV = 8;
const VXLAN_BYTES = 50;
const ESP_BYTES = 26;

/** The `com.docker.network.driver.mtu` that makes Docker set the largest MTU that fits. */
export function bestOptionOf({ fitting, encrypted }: Pick<NetworkPath, 'fitting' | 'encrypted'>): number {
  return fitting + VXLAN_BYTES + (encrypted ? ESP_BYTES : 0);
}

/** All networks whose MTU and underlay are known. */
export function networkPaths(evidence: Evidence): readonly NetworkPath[] {
  const known: Known[] = [];
  for (const node of evidence.nodes) {
    const underlay = underlayOf(node);
    if (underlay !== undefined && underlay.link.mtu >= SMALLEST) known.push({ node, underlay });
  }
  const paths: NetworkPath[] = [];
  const named = new Set<number>();
  for (const views of viewsByNetwork(evidence)) {
    for (const { view } of views) for (const vni of view.vnis) named.add(vni);
    const path = pathOf(evidence, views, known);
    if (path !== undefined) paths.push(path);
  }
  return paths.concat(unnamedPaths(evidence.nodes, known, named));
}

function pathOf(evidence: Evidence, views: readonly Seen[], known: readonly Known[]): NetworkPath | undefined {
  const used = views.filter(({ view }) => isInUse(view));
  const first = used.at(0);
  if (first === undefined) return undefined;
  const { name, vnis, ingress, driverMtu } = first.view;
  const peers = new Set(used.flatMap(({ view }) => view.peers));
  const nodes = known.filter(
    ({ node }) => used.some((seen) => seen.node === node) || [...ownAddresses(node)].some((one) => peers.has(one)),
  );
  const encrypted = used.some(({ view }) => view.encrypted);
  const devices = evidence.nodes.flatMap(({ links }) =>
    links.filter(({ vxlan }) => vxlan !== undefined && vnis.includes(vxlan.vni)),
  );
  const largest = devices.reduce<Link | undefined>(
    (max, link) => (max !== undefined && max.mtu >= link.mtu ? max : link),
    undefined,
  );
  return narrowest(nodes, {
    name,
    foreignDevice: undefined,
    vni: vnis.length === 1 ? vnis[0] : undefined,
    ingress,
    encrypted,
    option: driverMtu,
    innerMtu: largest?.mtu ?? dockerMtu(driverMtu ?? DOCKER_DRIVER_MTU, encrypted),
    isMeasured: largest !== undefined,
    isComplete: peers.size > 0 && [...peers].every((peer) => nodes.some(({ node }) => ownAddresses(node).has(peer))),
    facts: largest === undefined ? used : [largest],
  });
}

/** Devices of networks that no other input names: taken as unencrypted, which is what fits at least. */
function unnamedPaths(
  nodes: readonly NodeEvidence[],
  known: readonly Known[],
  named: ReadonlySet<number>,
): readonly NetworkPath[] {
  return nodes.flatMap((node) =>
    node.links.flatMap((link) => {
      if (link.vxlan === undefined || link.mtu === 0 || named.has(link.vxlan.vni)) return [];
      const { vni } = link.vxlan;
      const underlay = boundTo(node, link) ?? known.find((one) => one.node === node)?.underlay;
      if (underlay === undefined || (link.vxlan.device !== '' && link.vxlan.device !== underlay.link.name)) return [];
      const isDockers = isDockerDevice(link.name);
      const path = narrowest([{ node, underlay }], {
        name: isDockers ? `VNI ${vni}` : link.name,
        foreignDevice: isDockers ? undefined : link.name,
        vni,
        ingress: false,
        encrypted: false,
        option: undefined,
        innerMtu: link.mtu,
        isMeasured: true,
        isComplete: false,
        facts: [link],
      });
      return path ?? [];
    }),
  );
}

/** The device that a vxlan device sends with, if it is bound to one. Docker's aren't. */
function boundTo({ links }: NodeEvidence, { vxlan, place }: Link): Underlay | undefined {
  if (vxlan === undefined || vxlan.device === '') return undefined;
  const link = links.find(
    (one) => one.name === vxlan.device && one.mtu >= SMALLEST && one.place.namespace === place.namespace,
  );
  return link && { link, family: isIpv6(vxlan.local) ? 6 : 4, isCertain: true };
}

type Network = Omit<NetworkPath, 'fitting' | 'node' | 'underlay' | 'nodes' | 'all'>;

function narrowest(nodes: readonly Known[], network: Network): NetworkPath | undefined {
  let best: (Known & { readonly fitting: number }) | undefined;
  for (const one of nodes) {
    const { link, family } = one.underlay;
    const esp = network.encrypted ? { esp: { icvLength: DOCKER_ICV } } : {};
    const fitting = mtuOf({ underlayMtu: link.mtu, family, ...esp }).innerMtu;
    if (best === undefined || fitting < best.fitting) best = { ...one, fitting };
  }
  return (
    best && {
      ...network,
      ...best,
      nodes: nodes.map(({ node }) => node),
      all: nodes.map(({ node, underlay }) => ({ node, link: underlay.link })),
    }
  );
}
