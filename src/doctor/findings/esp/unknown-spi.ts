/** SPIs that no key explains, or only in the form of some engine versions. */
import { formatSpi } from '../../../ipsec/index.js';
import { capturesOf, counted, nodeText, perSubject, shown, type SpiTrace } from '../../capture/index.js';
import type { CaptureEvidence } from '../../evidence/capture.js';
import { listed } from '../../derived/wording.js';
import { type Evidence, InputKind, type NodeEvidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

const NO_SA = 'XfrmInNoStates';

/** The node that receives an SPI and shows its SAs; it may have no such SA. */
function receiverOf({ nodes }: Evidence, { destination }: SpiTrace): NodeEvidence | undefined {
  return nodes.find(({ addresses, has }) => addresses.includes(destination) && has.has(InputKind.XfrmState));
}

/**
 * How sure it is that a receiver lacks an SA while packets come: a dump of another time lacks it, too. It is of the capture's time if
 * it explains another SPI that the receiver gets.
 */
function certaintyOf({ spis }: CaptureEvidence, { sas }: NodeEvidence, { source, destination }: SpiTrace): Certainty {
  const isCurrent = spis.some(
    (other) =>
      other.destination === destination &&
      sas.some((sa) => sa.spi === other.spi && sa.destination === destination && sa.source === other.source),
  );
  if (isCurrent) return Certainty.Certain;
  // With other SAs of the same sender, the dump may be older or younger than a rotation.
  return sas.some((sa) => sa.source === source && sa.destination === destination)
    ? Certainty.Possible
    : Certainty.Likely;
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
    const certainty = isLacking ? certaintyOf(capture, receiver, trace) : Certainty.Likely;
    const mayBeOld = isLacking && certainty === Certainty.Possible;
    yield {
      severity: isLacking && !mayBeOld ? Severity.Error : Severity.Warning,
      certainty,
      summary: mayBeOld
        ? `The SAs of ${to} don't have SPI ${formatSpi(spi)}, with which ${from} sends to it: they are of another time than the capture, or it drops the packets.`
        : isLacking
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
            ...(mayBeOld ? ['Print the SAs and capture at the same time: keys change every 12 hours.'] : []),
            'The node missed a rotation of the keys, or its engine failed to add the SA: look in its log for "error adding" or "EINVAL", then restart its engine, which restarts the containers of the node.',
            'SPIs are hashed from the advertised addresses: behind NAT, or with engines of different versions, they differ.',
          ]
        : [
            'The keys given are of another time, of another cluster, or of other addresses: take them from a node of the capture at the time of the capture.',
          ],
      commands: [`ip -s xfrm state   # on ${to}`, `journalctl -u docker | grep -i xfrm   # on ${to}`],
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
      ? `${listed(sources.map((source) => nodeText(evidence, source)))} hash 4-byte addresses into SPIs and other nodes 16-byte ones: they can't decrypt each other's packets.`
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
    'an error if the receiving node shows its SAs and has none for the SPI (a warning if they may be of another time), or if nodes hash their addresses in different forms; a warning if none of the keys given explains the SPI',
  means: 'A node drops ESP with an SPI that it has no SA for (XfrmInNoStates). Nothing tells the sender.',
  threads: ['moby/moby#51798', 'moby/moby#51672', 'moby/moby#43359', 'moby/moby#34763', 'cilium/cilium#44335'],
  explains: ['one-sided-esp', 'one-sided-traffic'],
  find: perSubject(find),
};
