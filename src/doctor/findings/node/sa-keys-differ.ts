import { type SharedSa, sharedSas } from '../../derived/associations.js';
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
  fires: 'the key of an SA differs between two inputs that have the same SPI and addresses',
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
  const pairs = new Map<string, SharedSa[]>();
  for (const shared of sharedSas(evidence)) {
    const { one, other, nodes } = shared;
    if (one.keyId === undefined || other.keyId === undefined || one.keyId === other.keyId) continue;
    const key = nodes.map(({ name }) => name).join('\n');
    const pair = pairs.get(key);
    if (pair === undefined) pairs.set(key, [shared]);
    else pair.push(shared);
  }
  for (const pair of pairs.values()) yield diagnose(pair);
}

function diagnose(pair: readonly SharedSa[]): Diagnosis {
  const [{ one, nodes }] = pair;
  const ends = pair.flatMap((shared) => [shared.one.source, shared.one.destination]);
  const names = listed(pair.map((shared) => formatSpi(shared.one.spi)));
  return {
    severity: Severity.Error,
    certainty: Certainty.Certain,
    summary: `${pair.length === 1 ? 'SA' : 'SAs'} ${names} between ${listed(ends)} ${pair.length === 1 ? 'has' : 'have'} different keys on ${listed(nodes.map(nodeText))}.`,
    subject: {
      nodes: [...new Set([...aliases(...nodes), ...ends])],
      ...(pair.length === 1 ? { spi: one.spi } : {}),
    },
    exhibits: [
      exhibit(
        `keys with the fingerprints ${listed(pair.flatMap((shared) => shared.one.keyId ?? []))}`,
        pair.map((shared) => shared.one),
      ),
      exhibit(
        `keys with the fingerprints ${listed(pair.flatMap((shared) => shared.other.keyId ?? []))}`,
        pair.map((shared) => shared.other),
      ),
    ],
    advice: [
      'If a program other than Docker sets up the SAs, give both ends the same key.',
      'If Docker does, check that both nodes are in the same swarm, and restart the engine of the one that missed a rotation.',
    ],
    commands: ['docker info --format "{{.Swarm.Cluster.ID}} {{.Swarm.NodeID}}"', 'systemctl restart docker'],
  };
}
