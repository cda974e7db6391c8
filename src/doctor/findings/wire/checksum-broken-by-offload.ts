/** A card or a hypervisor breaks the checksums of one sender. */
import {
  capturesOf,
  counted,
  nodeText,
  perSubject,
  shareText,
  shown,
  type WrongChecksums,
} from '../../capture/index.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

const ENOUGH = 3;
/** Share of wrong ones from which it isn't just some damaged packets. */
const SYSTEMATIC = 0.5;

/** Kinds that offloads compute; an IPv4 header's is computed by the kernel. */
const COMPUTED = new Set(['inner TCP', 'inner UDP', 'inner ICMPv6', 'outer UDP']);

/** Whether it is the mark of NAT instead: all outer sums lack the same. */
function isTranslated({ kind, difference }: WrongChecksums): boolean {
  return kind === 'outer UDP' && difference !== undefined;
}

function* find(evidence: Evidence): Generator<Diagnosis> {
  for (const { capture } of capturesOf(evidence)) {
    for (const row of capture.wrongChecksums) {
      if (!COMPUTED.has(row.kind) || row.count < ENOUGH || isTranslated(row)) continue;
      const from = nodeText(evidence, row.source);
      const share = shareText(row.count, row.of);
      const isSystematic = row.count >= SYSTEMATIC * row.of;
      yield {
        severity: isSystematic ? Severity.Error : Severity.Warning,
        certainty: isSystematic ? Certainty.Likely : Certainty.Possible,
        summary: isSystematic
          ? `The ${row.kind} checksums of packets from ${from} are wrong (${share}): its network card or hypervisor breaks them.`
          : `Some ${row.kind} checksums of packets from ${from} are wrong (${share}): packets are damaged on the way.`,
        subject: { nodes: [row.source], vni: row.vni },
        exhibits: [
          shown(
            capture,
            row,
            `${counted(row.count, 'wrong checksum')} of ${row.of} (${row.kind}) to ${row.destination}`,
          ),
          { text: 'they are not partial sums, which a capture on the sender has before its card completes them' },
        ],
        advice: isSystematic
          ? [
              `Switch off checksum offload for tunnels on ${from}, on the device that the underlay's packets leave by.`,
              'Under VMware, a data path port other than 4789 and 8472 avoids it, too: its virtual card takes only those for VXLAN. Only a new swarm can have another one (docker swarm init --data-path-port 7789, after all nodes left).',
            ]
          : ['Look for the link or card that damages packets: error counters, then memory.'],
        commands: isSystematic
          ? [`ethtool -K DEVICE tx-checksum-ip-generic off   # on ${from}`]
          : ['ip -s -s link', 'ethtool -S DEVICE'],
        collect: ['ethtool -k DEVICE', 'ethtool -i DEVICE'],
      };
    }
  }
}

export const checksumBrokenByOffload: Finding = {
  id: 'checksum-broken-by-offload',
  title: 'Checksums of one sender are wrong on the wire',
  severity: Severity.Error,
  looksAt: 'captures: inner TCP, UDP and ICMPv6 checksums and outer UDP checksums, by sending VTEP',
  fires:
    "three or more wrong ones that are no partial sums, and that don't all differ by the same (that is nat-between-nodes): an error if they are half or more of all, otherwise a warning",
  means:
    'Receivers silently drop packets with wrong checksums. Ping works, since the kernel computes ICMP checksums itself, and TCP and UDP do not.',
  threads: [
    'moby/moby#41775',
    'moby/libnetwork#2661',
    'coreos/fedora-coreos-tracker#1372',
    'swarmpit/swarmpit#688',
    'projectcalico/calico#4727',
    'projectcalico/calico#9433',
  ],
  explains: ['one-sided-traffic', 'retransmission-storm', 'dns-timeouts'],
  find: perSubject(find),
};
