/** Two senders use the same SPI to the same node. */
import { formatSpi } from '../../../ipsec/index.js';
import { capturesOf, counted, nodeText, perSubject, shown, type SpiTrace } from '../../capture/index.js';
import type { Evidence } from '../../evidence/evidence.js';
import type { XfrmSa } from '../../evidence/kernel.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

function grouped<T extends { readonly spi: number; readonly source: string; readonly destination: string }>(
  rows: readonly T[],
): T[][] {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const name = `${row.spi} ${row.destination}`;
    groups.set(name, [...(groups.get(name) ?? []), row]);
  }
  return [...groups.values()].filter((group) => new Set(group.map(({ source }) => source)).size > 1);
}

function diagnosisOf(
  evidence: Evidence,
  group: readonly (SpiTrace | XfrmSa)[],
): Omit<Diagnosis, 'exhibits' | 'certainty'> {
  const [{ spi, destination }] = group;
  const sources = [...new Set(group.map(({ source }) => source))];
  const names = sources.map((source) => nodeText(evidence, source)).join(' and ');
  return {
    severity: Severity.Error,
    summary: `${names} send to ${nodeText(evidence, destination)} with the same SPI ${formatSpi(spi)}: the receiver has an SA for one of them at most.`,
    subject: { nodes: [...sources, destination], spi },
    advice: [
      "SPIs are 32-bit hashes of addresses and a key's tag, and two have collided: Linux has one SA per SPI and destination. The next rotation of the keys ends it; until then, nothing of one of the senders is decrypted.",
    ],
    commands: ['ip -s xfrm state'],
  };
}

function* find(evidence: Evidence): Generator<Diagnosis> {
  for (const { capture } of capturesOf(evidence)) {
    for (const group of grouped(capture.spis)) {
      yield {
        ...diagnosisOf(evidence, group),
        certainty: Certainty.Likely,
        exhibits: group
          .slice(0, 5)
          .map((trace) => shown(capture, trace, `${counted(trace.count, 'packet')} from ${trace.source}`)),
      };
    }
  }
  for (const { sas } of evidence.nodes) {
    for (const group of grouped(sas.filter(({ spi, protocol }) => spi !== 0 && protocol === 'esp'))) {
      // Cilium and others tell SAs apart by their marks.
      if (new Set(group.map(({ mark }) => mark)).size > 1) continue;
      yield {
        ...diagnosisOf(evidence, group),
        certainty: Certainty.Certain,
        exhibits: [
          {
            text: `SAs from ${group.map(({ source }) => source).join(', ')} to ${group[0].destination}`,
            places: group.slice(0, 5).map(({ place }) => place),
          },
        ],
      };
    }
  }
}

export const spiCollision: Finding = {
  id: 'spi-collision',
  title: 'Two nodes send with the same SPI',
  severity: Severity.Error,
  looksAt: 'captures: SPIs by source and destination; ip xfrm state',
  fires: 'two sources use one SPI to one destination',
  means: 'A receiver finds the SA by SPI and destination. Of two senders with the same, one is not understood.',
  threads: ['moby/moby#43359', 'cilium/cilium#33881'],
  explains: ['icv-invalid', 'one-sided-esp', 'one-sided-traffic', 'unknown-spi'],
  find: perSubject(find),
};
