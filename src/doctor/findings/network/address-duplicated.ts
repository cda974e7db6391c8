import { isAddress, withoutLength } from '../../derived/addresses.js';
import { isInUse, type Seen, viewsByNetwork } from '../../derived/networks.js';
import { certaintyOf } from '../../derived/moments.js';
import { aliases, nodeText } from '../../derived/nodes.js';
import { exhibit } from '../../derived/wording.js';
import type { Evidence } from '../../evidence/evidence.js';
import { type Diagnosis, type Finding, Severity } from '../../finding.js';

/** Two endpoints of a network have the same address or MAC. */
export const addressDuplicated: Finding = {
  id: 'address-duplicated',
  title: 'Two endpoints of a network have the same address',
  severity: Severity.Error,
  looksAt: 'docker network inspect of one or more nodes',
  fires: 'Two endpoints with different names on one network have the same IP address or MAC.',
  means:
    'Each node sends to the one that it heard of last. Connections break or reach the wrong container, and the forwarding entries of the two remove each other.',
  threads: ['moby/moby#33795', 'moby/moby#35675', 'moby/libnetwork#1537'],
  explains: ['duplicate-address', 'endpoint-moved', 'retransmission-storm', 'forwarding-to-wrong-node'],
  find: findDuplicates,
};

interface Holder {
  readonly seen: Seen;
  readonly name: string;
  readonly address: string;
}

function* findDuplicates(evidence: Evidence): Generator<Diagnosis> {
  for (const views of viewsByNetwork(evidence)) {
    const holders = new Map<string, Holder>();
    const reported = new Set<string>();
    for (const seen of views) {
      if (!isInUse(seen.view)) continue;
      for (const { name, ipv4, mac } of seen.view.endpoints) {
        const address = withoutLength(ipv4);
        for (const key of [isAddress(address) ? address : '', mac]) {
          if (key === '') continue;
          const known = holders.get(key);
          if (known === undefined) {
            holders.set(key, { seen, name, address });
            continue;
          }
          const pair = [known.name, name].sort().join('\n');
          // Two outputs of a node may have the same endpoint.
          if ((known.name === name && known.seen.node === seen.node) || reported.has(pair)) continue;
          const certainty = certaintyOf(evidence, known.seen, seen);
          if (certainty === undefined) continue;
          reported.add(pair);
          yield {
            severity: Severity.Error,
            certainty,
            summary: `${known.name} on ${nodeText(known.seen.node)} and ${name} on ${nodeText(seen.node)} both have ${key} on network ${seen.view.name}`,
            subject: { nodes: aliases(known.seen.node, seen.node), endpoints: [address] },
            exhibits: [
              exhibit(`${nodeText(known.seen.node)}: ${known.name} has ${known.address}`, [known.seen]),
              exhibit(`${nodeText(seen.node)}: ${name} has ${address}`, [seen]),
            ],
            advice: [
              'Restart one of the two tasks, so that it gets another address.',
              'Restart the engine of the leader if addresses are given out twice again.',
            ],
            commands: ['docker service update --force SERVICE'],
          };
        }
      }
    }
  }
}
