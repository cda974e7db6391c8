import { sharedSas } from '../../derived/associations.js';
import { aliases, nodeText } from '../../derived/nodes.js';
import { exhibit, listed } from '../../derived/wording.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';
import { formatSpi } from '../../../ipsec/index.js';

/** Two nodes have the same SA with different keys. */
export const saKeysDiffer: Finding = {
  id: 'sa-keys-differ',
  title: 'Two nodes have different keys for the same SA',
  severity: Severity.Error,
  looksAt: 'ip xfrm state of two nodes, with keys',
  fires: 'The key of an SA differs between two inputs that have the same SPI and addresses.',
  means:
    'The receiver finds the SA, but the ICV of every packet is wrong for its key: the kernel drops them all (XfrmInStateProtoError).',
  threads: ['cilium/cilium#33881', 'rancher/rancher#9377'],
  explains: [
    'icv-invalid',
    'sa-integrity-errors',
    'xfrm-integrity-counted',
    'one-sided-traffic',
    'retransmission-storm',
  ],
  find: findKeys,
};

function* findKeys(evidence: Evidence): Generator<Diagnosis> {
  for (const { one, other, nodes } of sharedSas(evidence)) {
    if (one.keyId === undefined || other.keyId === undefined || one.keyId === other.keyId) continue;
    yield {
      severity: Severity.Error,
      certainty: Certainty.Certain,
      summary: `SA ${formatSpi(one.spi)} from ${one.source} to ${one.destination} has different keys on ${listed(nodes.map(nodeText))}`,
      subject: { nodes: [...new Set([...aliases(...nodes), one.source, one.destination])], spi: one.spi },
      exhibits: [
        exhibit(`key with the fingerprint ${one.keyId}`, [one]),
        exhibit(`key with the fingerprint ${other.keyId}`, [other]),
      ],
      advice: [
        'If a program other than Docker sets up the SAs, give both ends the same key.',
        'If Docker does, restart the engine of the node that joined last, or that missed a rotation; check that both nodes are in the same swarm.',
      ],
      commands: ['docker info --format "{{.Swarm.Cluster.ID}} {{.Swarm.NodeID}}"', 'systemctl restart docker'],
    };
  }
}
