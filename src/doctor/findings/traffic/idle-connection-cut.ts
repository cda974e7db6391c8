/** A connection doesn't survive a long silence. */
import { capturesOf, innerSubject, perSubject, placesOf, timeText } from '../../capture/index.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';
import { secondsText } from '../../../text/quantity.js';

/** Seconds after which IPVS forgets an idle TCP connection, and what a measurement may be off. */
const IPVS = 900;
const NEAR = 60;

function* find(evidence: Evidence): Generator<Diagnosis> {
  for (const { capture } of capturesOf(evidence)) {
    for (const { cut, innerSource, innerDestination, sourcePort, destinationPort, vni } of capture.tcp) {
      if (cut === undefined) continue;
      const name = `${innerSource}:${sourcePort} and ${innerDestination}:${destinationPort}`;
      const isIpvs = cut.idleSeconds < 2 * IPVS + NEAR;
      yield {
        severity: Severity.Error,
        certainty: isIpvs ? Certainty.Likely : Certainty.Possible,
        summary: `The connection between ${name} was idle for ${secondsText(cut.idleSeconds)} and then gone: what follows is reset or not answered.`,
        subject: innerSubject(capture, vni, innerSource, innerDestination),
        exhibits: [
          {
            text: `the first packet after ${Math.round(cut.idleSeconds)} s between ports ${sourcePort} and ${destinationPort}, at ${timeText(cut.seconds)} (UTC)`,
            places: placesOf(capture, { packets: [cut.packet] }),
          },
        ],
        advice: [
          `Docker's load balancer (IPVS) forgets a TCP connection after ${IPVS} s without a packet, and does not tell its ends. Let one of them send TCP keep-alives (SO_KEEPALIVE) more often: the time between them is a setting of the container, not of the node. Or use endpoint mode dnsrr, which has no load balancer.`,
        ],
        commands: [
          'docker service update --sysctl-add net.ipv4.tcp_keepalive_time=600 SERVICE',
          'docker service update --endpoint-mode dnsrr SERVICE',
        ],
        collect: ['ipvsadm -l --timeout', 'conntrack -L'],
      };
    }
  }
}

export const idleConnectionCut: Finding = {
  id: 'idle-connection-cut',
  title: 'A connection is cut after 900 s of silence',
  severity: Severity.Error,
  looksAt: 'captures: TCP connections with a silence of 890 s or more, and what follows',
  fires: 'the first packet after the silence is answered by a reset, or two more follow without any answer',
  means: 'Pools of database connections are idle for long and break this way: the first query after the pause hangs.',
  threads: ['moby/moby#31208', 'docker/docs#5519'],
  explains: ['retransmission-storm', 'one-sided-traffic'],
  find: perSubject(find),
};
