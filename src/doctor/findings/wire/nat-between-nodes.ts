/** Addresses of outer packets are translated between the nodes. */
import { capturesOf, counted, matchedCaptures, nodeText, perSubject, shown } from '../../capture/index.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

const ENOUGH = 3;
/** Share of wrong checksums that NAT leaves: all, but for packets that are damaged otherwise. */
const NEARLY_ALL = 0.9;

const ADVICE = [
  'The nodes of an overlay have to reach each other at the addresses that they advertise: connect them by a VPN or a private network, and advertise its addresses.',
  'For clear networks, an --advertise-addr that all others reach may suffice; ESP does not pass address translation.',
];

function* find(evidence: Evidence): Generator<Diagnosis> {
  for (const { capture } of capturesOf(evidence)) {
    for (const row of capture.wrongChecksums) {
      const { kind, count, of, difference, source, destination } = row;
      if (kind !== 'outer UDP' || difference === undefined || count < ENOUGH || count < NEARLY_ALL * of) continue;
      const [from, to] = [nodeText(evidence, source), nodeText(evidence, destination)];
      yield {
        severity: Severity.Error,
        certainty: Certainty.Likely,
        summary: `Addresses are translated between ${from} and ${to}: every outer UDP checksum is wrong by the same difference.`,
        subject: { nodes: [source, destination], vni: row.vni },
        exhibits: [
          shown(
            capture,
            row,
            `${counted(count, 'outer UDP checksum')} of ${of} lack 0x${difference.toString(16).padStart(4, '0')}: they were computed for other addresses`,
          ),
        ],
        advice: ADVICE,
        collect: ['docker info', 'ip addr', 'conntrack -L -p esp', 'conntrack -L -p udp --dport 4789'],
      };
    }
  }
  for (const { first, second, flows } of matchedCaptures(evidence)) {
    for (const { translated, source, destination, kindName, matched, onlyFirst } of flows) {
      // A frame that is flooded goes to several VTEPs, and is the same in each packet: one of a direction's many.
      const isMost = matched >= ENOUGH && matched >= onlyFirst.count;
      if (translated === undefined || !isMost) continue;
      yield {
        severity: Severity.Error,
        certainty: Certainty.Certain,
        summary: `Addresses are translated on the way: ${kindName} from ${source} to ${destination} arrives from ${translated.source} to ${translated.destination}.`,
        subject: { nodes: [source, destination] },
        exhibits: [
          {
            text: `${counted(matched, 'packet')} with other addresses in the other capture`,
            places: [{ file: first.file }, { file: second.file }],
          },
        ],
        advice: ADVICE,
      };
    }
  }
}

export const natBetweenNodes: Finding = {
  id: 'nat-between-nodes',
  title: 'Addresses are translated between the nodes',
  severity: Severity.Error,
  looksAt: 'captures: the outer UDP checksums of decrypted packets; addresses of the same packet in two captures',
  fires:
    'nine of ten or more checksums of a direction are wrong by the same difference; or three or more packets, and half of their direction, have other addresses in another capture',
  means:
    'ESP protects the UDP checksum, which covers the addresses: behind NAT, all packets are dropped after decryption. SPIs and forwarding tables have the advertised addresses, too.',
  threads: ['moby/moby#37115', 'moby/moby#30727', 'moby/moby#34763'],
  explains: [
    'checksum-broken-by-offload',
    'one-sided-esp',
    'unknown-spi',
    'outer-source-not-vtep',
    'one-sided-traffic',
    'retransmission-storm',
  ],
  find: perSubject(find),
};
