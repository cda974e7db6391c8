import { isIpv6, withoutLength } from '../../../derived/addresses.js';
import { viewsByNetwork } from '../../../derived/networks.js';
import { aliases, startText } from '../../../derived/nodes.js';
import { remoteNeighbours } from '../../../derived/tunnel-tables.js';
import { counted, exhibit, listed } from '../../../derived/wording.js';
import { type Evidence, InputKind } from '../../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../../finding.js';

/** Remote endpoints have IPv6 addresses that the node has no neighbours for. */
export const ipv6NeighboursMissing: Finding = {
  id: 'ipv6-neighbours-missing',
  title: 'Remote endpoints have no IPv6 neighbour entries',
  severity: Severity.Warning,
  looksAt: 'ip neigh of a node, docker network inspect of the others',
  fires: 'a node has the IPv4 neighbour of an endpoint of another node, but not the one for its IPv6 address',
  means:
    'The vxlan device answers neighbour solicitations from its neighbours, and sends none to other nodes. IPv6 works between containers of one node, and not across nodes.',
  threads: ['moby/moby#47125', 'moby/moby#39996', 'moby/libnetwork#1169'],
  explains: ['one-sided-traffic'],
  find: findMissing,
};

function* findMissing(evidence: Evidence): Generator<Diagnosis> {
  for (const views of viewsByNetwork(evidence)) {
    for (const { node, view } of views) {
      if (!node.has.has(InputKind.Neighbours)) continue;
      const neighbours = remoteNeighbours(node);
      const addresses = new Set(neighbours.map(({ address }) => address));
      const remote = views.filter((other) => other.node !== node);
      const missing = remote
        .flatMap((other) => other.view.endpoints)
        .filter(
          ({ ipv4, ipv6 }) => isIpv6(ipv6) && addresses.has(withoutLength(ipv4)) && !addresses.has(withoutLength(ipv6)),
        );
      if (missing.length === 0) continue;
      const reached = new Set(missing.map(({ ipv4 }) => withoutLength(ipv4)));
      const endpoints = missing.map(({ ipv6 }) => withoutLength(ipv6));
      yield {
        severity: Severity.Warning,
        certainty: Certainty.Certain,
        summary: `${startText(node)} has IPv4 but no IPv6 neighbours for ${counted(missing.length, 'endpoint')} on network ${view.name}: ${listed(endpoints)}.`,
        subject: { nodes: aliases(node), endpoints },
        exhibits: [
          exhibit(
            'their IPv4 neighbours',
            neighbours.filter(({ address }) => reached.has(address)),
          ),
          exhibit(
            'endpoints with IPv6 addresses',
            remote.map((other) => other.view),
          ),
        ],
        advice: ['Use IPv4 between nodes, or an engine that enters IPv6 neighbours.'],
        commands: ["docker version --format '{{.Server.Version}}'"],
      };
    }
  }
}
