/** Two senders use the same SPI to the same node. */
import { formatSpi } from '../../../ipsec/index.js';
import { capturesOf, counted, nodeText, perSubject, shown, type SpiTrace } from '../../capture/index.js';
import { listed } from '../../derived/wording.js';
import type { CaptureEvidence } from '../../evidence/capture.js';
import type { Evidence } from '../../evidence/evidence.js';
import type { XfrmSa } from '../../evidence/kernel.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

/** SPIs below are reserved (RFC 4303, section 2.1). */
const RESERVED = 256;
/** Traces of one SPI that each is compared with. */
const COMPARED = 16;
/** Seconds between two captures of a packet on one machine, at most. */
const AT_ONCE = 0.001;

function grouped<T extends { readonly spi: number; readonly source: string; readonly destination: string }>(
  rows: readonly T[],
): T[][] {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const name = `${row.spi} ${row.destination}`;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [row]);
    else group.push(row);
  }
  return [...groups.values()].filter((group) => new Set(group.map(({ source }) => source)).size > 1);
}

/**
 * Whether two traces are of one sender: of packets that were captured before and after a translation of addresses, or of one whose
 * address changed.
 */
function areOfOne(a: SpiTrace, b: SpiTrace): boolean {
  const isAtOnce =
    Math.abs((a.firstSeconds ?? 0) - (b.firstSeconds ?? 0)) < AT_ONCE &&
    Math.abs((a.lastSeconds ?? 0) - (b.lastSeconds ?? 0)) < AT_ONCE;
  const isSame = isAtOnce && a.firstSequence === b.firstSequence && a.highestSequence === b.highestSequence;
  const [early, late] = (a.firstSeconds ?? 0) <= (b.firstSeconds ?? 0) ? [a, b] : [b, a];
  return isSame || (early.highestSequence < late.firstSequence && (early.lastSeconds ?? 0) <= (late.firstSeconds ?? 0));
}

/** SPIs of a capture with several senders. Those below 256 are numbers of keys, as Cilium's, and every node uses the same. */
function colliding({ spis }: CaptureEvidence): SpiTrace[][] {
  return grouped(spis.filter(({ spi }) => spi >= RESERVED)).filter((group) =>
    group.some((one, i) =>
      group.slice(i + 1, i + 1 + COMPARED).some((other) => one.source !== other.source && !areOfOne(one, other)),
    ),
  );
}

function diagnosisOf(
  evidence: Evidence,
  group: readonly (SpiTrace | XfrmSa)[],
): Omit<Diagnosis, 'exhibits' | 'certainty'> {
  const [{ spi, destination }] = group;
  const sources = [...new Set(group.map(({ source }) => source))];
  const names = listed(sources.map((source) => nodeText(evidence, source)));
  return {
    severity: Severity.Error,
    summary: `${names} send to ${nodeText(evidence, destination)} with the same SPI ${formatSpi(spi)}: the receiver has an SA for one of them at most.`,
    subject: { nodes: [...sources, destination], spi },
    advice: [
      "SPIs are 32-bit hashes of addresses and a key's tag, and two have collided: Linux has one SA per SPI and destination. The next rotation of the keys ends it; until then, nothing of one of the senders is decrypted.",
    ],
    commands: [`ip -s xfrm state   # on ${nodeText(evidence, destination)}`],
  };
}

function* find(evidence: Evidence): Generator<Diagnosis> {
  for (const { capture } of capturesOf(evidence)) {
    for (const group of colliding(capture)) {
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
            text: `SAs from ${listed(group.map(({ source }) => source))} to ${group[0].destination}`,
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
  fires: 'two sources use one SPI of 256 or more to one destination, with sequence numbers of their own',
  means: 'A receiver finds the SA by SPI and destination. Of two senders with the same, one is not understood.',
  threads: ['moby/moby#43359', 'cilium/cilium#33881'],
  explains: ['icv-invalid', 'one-sided-esp', 'one-sided-traffic', 'unknown-spi'],
  find: perSubject(find),
};
