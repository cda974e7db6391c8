import { sharedSas } from '../../derived/associations.js';
import { aliases, nodeText } from '../../derived/nodes.js';
import { exhibit, listed } from '../../derived/wording.js';
import type { Evidence } from '../../evidence/evidence.js';
import type { XfrmSa } from '../../evidence/kernel.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';
import { formatSpi } from '../../../ipsec/index.js';

/** Two nodes have the same SA with different algorithms. */
export const saAlgorithmsDiffer: Finding = {
  id: 'sa-algorithms-differ',
  title: 'Two nodes have different algorithms for the same SA',
  severity: Severity.Error,
  looksAt: 'ip xfrm state of two nodes',
  fires:
    'the algorithm, the ICV length, the mode or ESN of an SA differs between two inputs that have the same SPI and addresses',
  means:
    'The receiver can verify none of the packets: it takes other bytes for the ICV, or computes it otherwise. The kernel drops them all.',
  threads: ['libreswan/libreswan#713', 'secdev/scapy#4903'],
  explains: ['icv-invalid', 'sa-integrity-errors', 'xfrm-integrity-counted', 'one-sided-traffic', 'sa-keys-differ'],
  find: findAlgorithms,
};

function* findAlgorithms(evidence: Evidence): Generator<Diagnosis> {
  for (const { one, other, nodes } of sharedSas(evidence)) {
    const what = difference(one, other);
    if (what === undefined) continue;
    yield {
      severity: Severity.Error,
      certainty: Certainty.Certain,
      summary: `SA ${formatSpi(one.spi)} from ${one.source} to ${one.destination} differs in its ${what} on ${listed(nodes.map(nodeText))}.`,
      subject: { nodes: [...new Set([...aliases(...nodes), one.source, one.destination])], spi: one.spi },
      exhibits: [exhibit(describe(one), [one]), exhibit(describe(other), [other])],
      advice: [
        "Set up the SA alike on both nodes. Docker's SAs are rfc4106(gcm(aes)) with an ICV of 64 bits, in transport mode.",
      ],
    };
  }
}

function difference(one: XfrmSa, other: XfrmSa): string | undefined {
  if (one.algorithm !== '' && other.algorithm !== '' && one.algorithm !== other.algorithm) return 'algorithm';
  if (one.icvBits !== 0 && other.icvBits !== 0 && one.icvBits !== other.icvBits) return 'ICV length';
  if (one.mode !== '' && other.mode !== '' && one.mode !== other.mode) return 'mode';
  return one.esn === other.esn ? undefined : 'use of ESN';
}

function describe({ algorithm, icvBits, mode, esn }: XfrmSa): string {
  const icv = icvBits === 0 ? '' : `, ICV of ${icvBits} bits`;
  return `${algorithm === '' ? 'unknown algorithm' : algorithm}${icv}${mode === '' ? '' : `, ${mode} mode`}${esn ? ', ESN' : ''}`;
}
