/** A sender goes on with packets that it was told are too big. */
import {
  capturesOf,
  counted,
  innerSubject,
  networkText,
  nodeText,
  perSubject,
  shown,
  type TooBig,
} from '../../capture/index.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

/** Packets that show that the message had no effect. */
const ENOUGH = 3;
/** Seconds after which a sender tries a larger size again (RFC 1191 section 6.3; Linux: net.ipv4.route.mtu_expires). */
const EXPIRY = 600;

/** Whether the sender had reason to try larger packets again: what a message says holds for ten minutes. */
function isForgotten({ firstSeconds, ignored }: TooBig): boolean {
  return firstSeconds !== undefined && (ignored.firstSeconds ?? 0) - firstSeconds >= EXPIRY;
}

function* find(evidence: Evidence): Generator<Diagnosis> {
  for (const { capture } of capturesOf(evidence)) {
    for (const row of capture.tooBig) {
      const { ignored, sender, destination, reporter, mtu, vni, underlay } = row;
      if (ignored.count < ENOUGH || isForgotten(row)) continue;
      const who = underlay ? nodeText(evidence, sender) : sender;
      const where = vni < 0 ? '' : ` in ${networkText(evidence, vni)}`;
      yield {
        severity: Severity.Error,
        certainty: Certainty.Certain,
        summary: `${who} keeps sending packets of more than ${mtu} bytes to ${destination}${where} despite ICMP errors that they don't fit.`,
        subject: underlay ? { nodes: [sender, destination] } : innerSubject(capture, vni, sender, destination),
        exhibits: [
          shown(capture, row, `${counted(row.count, 'ICMP message')} "too big" from ${reporter}, MTU ${mtu}`),
          shown(
            capture,
            ignored,
            `${counted(ignored.count, 'larger packet')} that may not be fragmented, more than a second later`,
          ),
        ],
        advice: [
          'The message is lost or filtered on its way to the sender: let ICMP type 3 code 4 (ICMPv6 type 2) pass the firewalls of the node and of the container.',
          'Until then, set the MTU of the network to what fits.',
        ],
        commands: [
          underlay
            ? `iptables -I INPUT -p icmp --icmp-type fragmentation-needed -j ACCEPT   # on ${who}`
            : `iptables -I INPUT -p icmp --icmp-type fragmentation-needed -j ACCEPT   # in the network namespace of ${who}`,
          'docker network create --driver overlay --opt com.docker.network.driver.mtu=MTU NETWORK',
        ],
        collect: ['iptables-save', 'ip route get DESTINATION'],
      };
    }
  }
}

export const icmpTooBigIgnored: Finding = {
  id: 'icmp-too-big-ignored',
  title: 'A sender ignores that its packets are too big',
  severity: Severity.Error,
  looksAt: 'captures: ICMP "fragmentation needed" and ICMPv6 "packet too big", and the packets after them',
  fires: 'three larger packets of the same direction, with DF set, from a second to ten minutes after the message',
  means:
    'Path MTU discovery relies on these messages. If they are filtered, each large packet is lost, and connections hang as soon as they send data.',
  threads: ['moby/moby#36689', 'flannel-io/flannel#1011'],
  explains: ['retransmission-storm', 'lost-between-captures'],
  find: perSubject(find),
};
