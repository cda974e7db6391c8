/** SPIs that no key explains, or only in the form of some engine versions. */
import { formatSpi } from '../../../ipsec/index.js';
import { capturesOf, counted, nodeText, perSubject, shown, type SpiTrace } from '../../capture/index.js';
import type { CaptureEvidence } from '../../evidence/capture.js';
import { type Evidence, InputKind } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

const NO_SA = 'XfrmInNoStates';

/** The node that receives an SPI and shows its SAs; it may have no such SA. */
function receiverOf({ nodes }: Evidence, { destination }: SpiTrace): Evidence['nodes'][number] | undefined {
  return nodes.find(({ addresses, has }) => addresses.includes(destination) && has.has(InputKind.XfrmState));
}

function* missing(evidence: Evidence, capture: CaptureEvidence): Generator<Diagnosis> {
  for (const trace of capture.spis) {
    const { spi, source, destination } = trace;
    const receiver = receiverOf(evidence, trace);
    const isLacking =
      receiver !== undefined && !receiver.sas.some((sa) => sa.spi === spi && sa.destination === destination);
    const failed = trace.failures.find(({ reason }) => reason === NO_SA);
    if (!isLacking && failed === undefined) continue;
    const [from, to] = [nodeText(evidence, source), nodeText(evidence, destination)];
    yield {
      severity: isLacking ? Severity.Error : Severity.Warning,
      certainty: isLacking ? Certainty.Certain : Certainty.Likely,
      summary: isLacking
        ? `${to} has no SA for SPI ${formatSpi(spi)}, with which ${from} sends to it: it drops the packets.`
        : `No key explains SPI ${formatSpi(spi)} from ${from} to ${to}: its packets stay unread.`,
      subject: { nodes: [source, destination], spi },
      exhibits: [
        shown(capture, failed ?? trace, `${counted((failed ?? trace).count, 'packet')} with SPI ${formatSpi(spi)}`),
        ...(isLacking
          ? [
              {
                text: `the SAs of ${receiver.name === '' ? destination : receiver.name} don't have it`,
                places: receiver.sas.slice(0, 5).map(({ place }) => place),
              },
            ]
          : []),
      ],
      advice: isLacking
        ? [
            'The node missed a rotation of the keys, or its engine failed to add the SA: look in its log for "error adding" or "EINVAL", then restart its engine.',
            'SPIs are hashed from the advertised addresses: behind NAT, or with engines of different versions, they differ.',
          ]
        : [
            'The keys given are of another time, of another cluster, or of other addresses: take them from a node of the capture at the time of the capture.',
          ],
      commands: ['ip -s xfrm state', 'journalctl -u docker | grep -i xfrm'],
      collect: ['ip -s xfrm state', 'docker info', 'docker version'],
    };
  }
}

function* shortForm(evidence: Evidence, capture: CaptureEvidence): Generator<Diagnosis> {
  const short = capture.spis.filter(({ key, destination }) => key?.spiForm === 'short' && !destination.includes(':'));
  if (short.length === 0) return;
  const mapped = capture.spis.some(({ key, destination }) => key?.spiForm === 'mapped' && !destination.includes(':'));
  const sources = [...new Set(short.map(({ source }) => source))];
  const [first] = short;
  yield {
    severity: mapped ? Severity.Error : Severity.Note,
    certainty: Certainty.Certain,
    summary: mapped
      ? `${sources.map((source) => nodeText(evidence, source)).join(', ')} hash 4-byte addresses into SPIs and other nodes 16-byte ones: they can't decrypt each other's packets.`
      : `The SPIs are hashed from 4-byte addresses, as only some engine versions do.`,
    subject: { nodes: sources },
    exhibits: short
      .slice(0, 5)
      .map((trace) =>
        shown(
          capture,
          trace,
          `${counted(trace.count, 'packet')} with SPI ${formatSpi(trace.spi)} from ${trace.source}`,
        ),
      ),
    advice: [
      'Docker 25.0.13 and 25.0.14, 28.2.2 and 29.0.0 to 29.2.0 have the short form: run an engine with moby/moby#51951 on all nodes.',
    ],
    commands: [`vtep keys spi ${first.source} ${first.destination}`],
    collect: ['docker version'],
  };
}

function* find(evidence: Evidence): Generator<Diagnosis> {
  for (const { capture } of capturesOf(evidence)) {
    yield* missing(evidence, capture);
    yield* shortForm(evidence, capture);
  }
}

export const unknownSpi: Finding = {
  id: 'unknown-spi',
  title: 'SPIs that no key or SA explains',
  severity: Severity.Error,
  looksAt: 'captures: SPIs; the keys given; ip xfrm state of the receiving node',
  fires:
    'an error if the receiving node shows its SAs and has none for the SPI, or if nodes hash their addresses in different forms; a warning if none of the keys given explains the SPI',
  means: 'A node drops ESP with an SPI that it has no SA for (XfrmInNoStates). Nothing tells the sender.',
  threads: ['moby/moby#51798', 'moby/moby#51672', 'moby/moby#43359', 'moby/moby#34763', 'cilium/cilium#44335'],
  explains: ['one-sided-esp', 'one-sided-traffic'],
  find: perSubject(find),
};
