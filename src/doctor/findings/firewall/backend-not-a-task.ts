import { contains, isAddress, withoutLength } from '../../derived/addresses.js';
import { isInUse } from '../../derived/networks.js';
import { certaintyOf } from '../../derived/moments.js';
import { aliases, nodesWith, nodeText } from '../../derived/nodes.js';
import { exhibit, listed } from '../../derived/wording.js';
import type { NetworkView } from '../../evidence/docker.js';
import { type Evidence, InputKind } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

/** A load balancer sends connections to an address that no task has. */
export const backendNotATask: Finding = {
  id: 'backend-not-a-task',
  title: "A load balancer has a backend that isn't a task",
  severity: Severity.Error,
  looksAt: 'ipvsadm -Ln and docker network inspect --verbose of a node',
  fires:
    'a real server with a weight has an address in a network whose tasks are known, and none of them, nor any endpoint, has the address',
  means: 'A share of the connections to the service goes to a task that is gone, and times out.',
  threads: ['moby/moby#36797', 'moby/moby#30134', 'moby/moby#35548'],
  explains: ['retransmission-storm'],
  find: findStale,
};

function* findStale(evidence: Evidence): Generator<Diagnosis> {
  for (const node of nodesWith(evidence, InputKind.Ipvs, InputKind.Networks)) {
    const views = node.networks.filter((view) => isInUse(view) && view.tasks !== undefined && view.tasks.length > 0);
    for (const view of views) {
      const known = knownAddresses(view);
      const stale = node.virtualServers.flatMap(({ servers }) =>
        servers.filter(
          ({ address, weight }) =>
            weight > 0 && !known.has(address) && view.subnets.some((subnet) => contains(subnet, address)),
        ),
      );
      if (stale.length === 0) continue;
      // Tasks come and go between two outputs.
      const apart = certaintyOf(evidence, stale[0], view);
      if (apart === undefined) continue;
      const addresses = stale.map(({ address }) => address);
      yield {
        severity: Severity.Error,
        certainty: apart === Certainty.Certain ? Certainty.Likely : Certainty.Possible,
        summary: `A load balancer of ${nodeText(node)} sends connections to ${listed(addresses)}, which no task on network ${view.name} has.`,
        subject: { nodes: aliases(node), endpoints: addresses },
        exhibits: [exhibit(`backends ${listed(addresses)}`, stale), exhibit(`tasks of network ${view.name}`, [view])],
        advice: [
          'Remove the backend, or restart the engine of the node, which builds its load balancers anew.',
          'Check gossip (TCP and UDP 7946): the news that the task is gone did not arrive.',
        ],
        commands: ['docker service update --force SERVICE', 'systemctl restart docker'],
        collect: ['ipvsadm -Ln; docker network inspect --verbose NETWORK   # at the same time'],
      };
    }
  }
}

function knownAddresses({ tasks = [], endpoints }: NetworkView): ReadonlySet<string> {
  return new Set([
    ...tasks.map(({ ip }) => withoutLength(ip)).filter(isAddress),
    ...endpoints.map(({ ipv4 }) => withoutLength(ipv4)).filter(isAddress),
  ]);
}
