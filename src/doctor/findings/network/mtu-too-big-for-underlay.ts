import { aliases, nodeText, ownAddresses } from '../../derived/nodes.js';
import { bestOptionOf, type NetworkPath, networkPaths } from '../../derived/network-paths.js';
import { counted, exhibit, listed, shellWord } from '../../derived/wording.js';
import type { OuterFragments } from '../../capture/index.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

/** The MTU in containers is larger than the underlay can carry in one packet. */
export const mtuTooBigForUnderlay: Finding = {
  id: 'mtu-too-big-for-underlay',
  title: "A network's MTU is too big for the underlay",
  severity: Severity.Error,
  looksAt:
    'ip addr (MTU of the underlay), docker network inspect (option and encryption) or ip -d link (MTU of vxlan devices); captures',
  fires:
    "the MTU that Docker sets in containers plus the headers is larger than the smallest MTU of the nodes' underlay devices",
  means:
    'Docker assumes an underlay of 1500 bytes, whatever it is. Full packets leave as two fragments over IPv4; over IPv6 they are dropped until the sender has learned a smaller path MTU, which it forgets again. Where fragments are lost, connections open and bulk transfers hang.',
  threads: [
    'moby/libnetwork#2661',
    'moby/libnetwork#1021',
    'moby/moby#24906',
    'moby/moby#36689',
    'moby/moby#43673',
    'moby/moby#33133',
    'moby/moby#41775',
    'flannel-io/flannel#1781',
  ],
  explains: ['mtu-too-big', 'fragments-lost', 'icmp-too-big-ignored', 'retransmission-storm'],
  find: findTooBig,
};

function* findTooBig(evidence: Evidence): Generator<Diagnosis> {
  for (const path of networkPaths(evidence)) {
    if (path.innerMtu > path.fitting) yield diagnose(evidence, path);
  }
}

/** Fragments of a network's packets in a capture. */
interface Seen extends OuterFragments {
  readonly file: string;
}

/** What captures have of fragments that the path's nodes sent. */
function fragmentsOf({ nodes }: Evidence, path: NetworkPath): readonly Seen[] {
  const senders = new Set(path.nodes.flatMap((node) => [...ownAddresses(node)]));
  return nodes
    .flatMap((node) => node.captures)
    .flatMap(({ file, fragments }) => fragments.map((one) => ({ ...one, file })))
    .filter(({ protocol, source }) => protocol === (path.encrypted ? 'ESP' : 'VXLAN') && senders.has(source));
}

function diagnose(evidence: Evidence, path: NetworkPath): Diagnosis {
  const { name, encrypted, innerMtu, fitting, underlay, node } = path;
  const { link, family } = underlay;
  const seen = fragmentsOf(evidence, path);
  const lost = seen.reduce((sum, { incomplete }) => sum + incomplete.count, 0);
  // Fragments that all arrive cost throughput, and nothing else.
  const isHarmless = family === 4 && seen.length > 0 && lost === 0;
  return {
    severity: isHarmless ? Severity.Warning : Severity.Error,
    certainty: seen.length > 0 || family === 6 ? Certainty.Certain : Certainty.Likely,
    summary: `Containers on ${name} have an MTU of ${innerMtu}, but only ${fitting} fit over ${link.name} of ${nodeText(node)} (MTU ${link.mtu}${family === 6 ? ', IPv6' : ''}${encrypted ? ', encrypted' : ''}).`,
    subject: { nodes: aliases(...path.nodes), ...(path.vni === undefined ? {} : { vni: path.vni }) },
    exhibits: [
      exhibit(`${link.name} of ${nodeText(node)}: MTU ${link.mtu}`, [link]),
      exhibit(
        path.isMeasured
          ? `vxlan device: MTU ${innerMtu}`
          : `${name}: ${path.option === undefined ? 'no MTU option, so Docker assumes 1500' : `com.docker.network.driver.mtu=${path.option}`}`,
        path.facts,
      ),
      ...seen.map(({ file, source, count, incomplete, packets }) =>
        exhibit(
          `${counted(count, 'outer fragment')} from ${source}, of ${incomplete.count === 0 ? 'complete packets' : `${counted(incomplete.count, 'incomplete packet')} and others`}`,
          packets.map((packet) => ({ place: { file, packet } })),
        ),
      ),
    ],
    advice: adviceOn(path),
    commands: commandsFor(path),
    ...(seen.length > 0
      ? {}
      : {
          collect: [
            `tcpdump -i ${shellWord(link.name)} -w mtu.pcap -c 10000 'udp port 4789 or ip proto 50 or (ip[6:2] & 0x3fff != 0) or icmp'`,
          ],
        }),
  };
}

function adviceOn(path: NetworkPath): readonly string[] {
  const { fitting, foreignDevice, nodes, all } = path;
  const smallest = `The smallest MTU counts: ${listed(all.map((one) => `${one.link.mtu} on ${nodeText(one.node)}`))}.`;
  const more = nodes.length > 1 ? [smallest] : [];
  if (foreignDevice !== undefined) {
    return [
      `Set the MTU of ${foreignDevice} and of the containers behind it to ${fitting}, in the configuration of the program that made it.`,
      ...more,
    ];
  }
  return [
    `Create the network again with com.docker.network.driver.mtu=${bestOptionOf(path)}, which makes Docker set ${fitting} or the next smaller multiple of four.`,
    'The option cannot be changed on an existing network; its services have to be removed first. Do the same with the ingress network.',
    ...more,
  ];
}

function commandsFor(path: NetworkPath): readonly string[] {
  const { name, vni, foreignDevice, fitting, encrypted, ingress } = path;
  if (foreignDevice !== undefined) return [`ip link set ${shellWord(foreignDevice)} mtu ${fitting}`];
  const network = name === `VNI ${vni}` ? 'NETWORK' : shellWord(name);
  const options = `${ingress ? '--ingress ' : ''}${encrypted ? '--opt encrypted ' : ''}--opt com.docker.network.driver.mtu=${bestOptionOf(path)}`;
  return [`docker network rm ${network}`, `docker network create --driver overlay ${options} ${network}`];
}
