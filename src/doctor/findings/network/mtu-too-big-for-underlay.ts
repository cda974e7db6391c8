import { aliases, nodeText } from '../../derived/nodes.js';
import { bestOptionOf, type NetworkPath, networkPaths } from '../../derived/network-paths.js';
import { counted, exhibit, listed, shellWord } from '../../derived/wording.js';
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
    'Docker assumes an underlay of 1500 bytes, whatever it is. Full packets leave as two fragments over IPv4, and are dropped over IPv6. Where fragments are lost, connections open and bulk transfers hang.',
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

/** What captures of the nodes have of fragments. */
interface Fragments {
  readonly file: string;
  readonly fragments: number;
  readonly held: number;
}

function fragmentsIn({ nodes }: Evidence): readonly Fragments[] {
  return nodes
    .flatMap((node) => node.captures)
    .map(({ file, survey }) => ({ file, fragments: survey.fragments.fragments, held: survey.fragments.held }))
    .filter(({ fragments }) => fragments > 0);
}

function diagnose(evidence: Evidence, path: NetworkPath): Diagnosis {
  const { name, encrypted, innerMtu, fitting, underlay, node } = path;
  const { link, family } = underlay;
  const seen = fragmentsIn(evidence);
  const lost = seen.reduce((sum, { held }) => sum + held, 0);
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
      ...seen.map(({ file, fragments, held }) =>
        exhibit(
          `${counted(fragments, 'outer fragment')}, ${held === 0 ? 'none' : held.toLocaleString('en-US')} without the rest of their packet`,
          [{ place: { file } }],
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
