import { isIpv6 } from '../../derived/addresses.js';
import { lacksIpv6Underlay, versionOf } from '../../derived/engine-version.js';
import { isInUse } from '../../derived/networks.js';
import { aliases, nodeText } from '../../derived/nodes.js';
import { exhibit, listed } from '../../derived/wording.js';
import type { Evidence, NodeEvidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

const ADVICE = [
  'Update the engines to 25.0 or later, whose overlay driver can use IPv6 between nodes.',
  'Otherwise let the nodes join with IPv4 addresses: all of them, since addresses of both families in one swarm do not work.',
];
const COMMANDS = [
  "docker version --format '{{.Server.Version}}'",
  'docker swarm join --advertise-addr IPV4-ADDRESS --token TOKEN MANAGER:2377',
];

/** The nodes reach each other over IPv6, which the engine's overlays can't use, or over both families. */
export const ipv6DataPath: Finding = {
  id: 'ipv6-data-path',
  title: "The overlay can't use the IPv6 addresses of the nodes",
  severity: Severity.Error,
  looksAt: 'docker network inspect, docker version, captures',
  fires:
    "a network's peers have IPv6 addresses, and the engine is older than 25.0, or its version is unknown and captures have no VXLAN; or they have addresses of both families",
  means:
    'Before 25.0 the vxlan devices send to IPv4 addresses only: gossip and the managers work over IPv6, and no container reaches another node. Mixed families never work.',
  threads: ['moby/moby#41691', 'moby/moby#31268'],
  explains: ['one-sided-traffic', 'forwarding-entry-missing', 'dns-timeouts'],
  find: findIpv6,
};

function* findIpv6({ nodes }: Evidence): Generator<Diagnosis> {
  for (const node of nodes) {
    const used = node.networks.filter((view) => isInUse(view) && view.peers.length > 1);
    const mixed = used.filter(({ peers }) => peers.some(isIpv6) && !peers.every(isIpv6));
    if (mixed.length > 0) {
      yield diagnose(
        node,
        Certainty.Certain,
        `The peers of ${listed(mixed.map(({ name }) => name))} have IPv4 and IPv6 addresses.`,
        [exhibit(`peers ${listed(mixed[0].peers)}`, mixed)],
      );
      continue;
    }
    const views = used.filter(({ peers }) => peers.every(isIpv6));
    if (views.length === 0) continue;
    const exhibits = [exhibit(`peers ${listed(views[0].peers)}`, views)];
    const engine = node.engines.find(({ version }) => versionOf(version) !== undefined);
    const version = engine === undefined ? undefined : versionOf(engine.version);
    if (engine !== undefined && version !== undefined) {
      if (!lacksIpv6Underlay(version)) continue;
      yield diagnose(
        node,
        Certainty.Certain,
        `Docker ${engine.version} on ${nodeText(node)} can't send VXLAN to the IPv6 addresses of its peers.`,
        [...exhibits, exhibit(`Docker ${engine.version}`, [engine])],
      );
    } else if (
      node.captures.length > 0 &&
      node.captures.every(({ survey }) => survey.packets > 0 && survey.tunnels.length === 0)
    ) {
      yield diagnose(
        node,
        Certainty.Possible,
        `The peers of ${nodeText(node)} have IPv6 addresses, and its captures hold no VXLAN.`,
        [
          ...exhibits,
          exhibit(
            'captures without VXLAN and ESP',
            node.captures.map(({ file }) => ({ place: { file } })),
          ),
        ],
      );
    }
  }
}

function diagnose(
  node: NodeEvidence,
  certainty: Certainty,
  summary: string,
  exhibits: Diagnosis['exhibits'],
): Diagnosis {
  return {
    severity: Severity.Error,
    certainty,
    summary,
    subject: { nodes: aliases(node) },
    exhibits,
    advice: ADVICE,
    commands: COMMANDS,
    ...(certainty === Certainty.Certain ? {} : { collect: ["docker version --format '{{.Server.Version}}'"] }),
  };
}
