/** VXLAN packets with bits that Linux refuses. */
import { capturesOf, counted, nodeText, perSubject, shown } from '../../capture/index.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

function* find(evidence: Evidence): Generator<Diagnosis> {
  for (const { capture } of capturesOf(evidence)) {
    for (const row of capture.reservedBits) {
      const from = nodeText(evidence, row.source);
      const flags = `0x${row.flags.toString(16).padStart(2, '0')}`;
      yield {
        // A single one is a probe, or damaged.
        severity: row.count > 1 ? Severity.Error : Severity.Warning,
        certainty: Certainty.Certain,
        summary: row.groupPolicy
          ? `${from} sends VXLAN of VNI ${row.vni} with a group policy, which VXLAN devices without \`gbp\` drop.`
          : `${from} sends VXLAN of VNI ${row.vni} with reserved bits, which Linux drops.`,
        subject: { nodes: [row.source], vni: row.vni },
        exhibits: [shown(capture, row, `${counted(row.count, 'packet')} with flags ${flags} to ${row.destination}`)],
        advice: row.groupPolicy
          ? ['Switch the group policy extension off at the sender, or on at the receiver.']
          : [
              'Another protocol uses the port (VXLAN-GPE has 4790, Geneve 6081), or the sender is not a Linux VTEP: use another data path port, or correct the sender.',
            ],
        commands: row.groupPolicy
          ? [`ip -d link show type vxlan   # on both nodes`]
          : [`ss -lunp "sport = :4789"   # on ${from}`],
      };
    }
  }
}

export const vxlanReservedBits: Finding = {
  id: 'vxlan-reserved-bits',
  title: 'VXLAN packets have reserved bits set',
  severity: Severity.Error,
  looksAt: 'captures: the VXLAN header',
  fires: 'a bit other than the VNI flag is set: an error from two packets on',
  means: "RFC 7348 tells receivers to ignore the bits; Linux's driver drops the packets, since extensions use them.",
  threads: [],
  explains: ['one-sided-traffic', 'lost-between-captures'],
  find: perSubject(find),
};
