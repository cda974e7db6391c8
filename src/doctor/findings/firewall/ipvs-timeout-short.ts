import { aliases, nodesWith, nodeText } from '../../derived/nodes.js';
import { exhibit } from '../../derived/wording.js';
import { type Evidence, InputKind } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';
import { secondsText } from '../../../text/quantity.js';

/** The kernel's default for connections that are open, which Docker leaves as it is, in seconds. */
const DEFAULT_TCP = 900;

/** Load balancers forget idle connections sooner than usual. */
export const ipvsTimeoutShort: Finding = {
  id: 'ipvs-timeout-short',
  title: 'Load balancers forget idle connections early',
  severity: Severity.Warning,
  looksAt: 'ipvsadm -Ln --timeout',
  fires: `the timeout of TCP connections is less than the kernel's default of ${DEFAULT_TCP} seconds`,
  means:
    'A connection through a VIP that is idle for longer is silently forgotten: the next packet is answered with a reset, or times out. Keepalives start after 7200 seconds unless a program or a sysctl says otherwise, so even the default cuts idle connections.',
  threads: ['moby/moby#31208', 'moby/moby#37466', 'docker/docs#5519'],
  explains: ['idle-connection-cut'],
  find: findShort,
};

function* findShort(evidence: Evidence): Generator<Diagnosis> {
  for (const node of nodesWith(evidence, InputKind.Ipvs)) {
    const short = (node.ipvsTimeouts ?? []).filter(({ tcp }) => tcp > 0 && tcp < DEFAULT_TCP);
    if (short.length === 0) continue;
    const shortest = Math.min(...short.map(({ tcp }) => tcp));
    yield {
      severity: Severity.Warning,
      certainty: Certainty.Certain,
      summary: `Load balancers of ${nodeText(node)} forget TCP connections that are idle for ${secondsText(shortest)}.`,
      subject: { nodes: aliases(node) },
      exhibits: [exhibit(`TCP timeout ${shortest} s`, short)],
      advice: [
        'Let clients send keepalives more often than that, or use the tasks directly (endpoint mode dnsrr).',
        'Raise the timeout in the namespaces of the load balancers; it is lost when the engine makes them anew.',
      ],
      commands: [
        `docker service update --sysctl-add net.ipv4.tcp_keepalive_time=${Math.max(30, Math.floor(shortest / 2))} SERVICE`,
        `for n in /var/run/docker/netns/lb_* /var/run/docker/netns/ingress_sbox; do nsenter --net=$n ipvsadm --set 7200 120 300; done`,
      ],
    };
  }
}
