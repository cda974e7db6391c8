/** Frames to a virtual IP address cross a tunnel. */
import { capturesOf, counted, networkText, nodeText, perSubject, shown } from '../../capture/index.js';
import { isOfOtherCluster } from '../../derived/networks.js';
import type { Evidence } from '../../evidence/evidence.js';
import { plain } from '../../../text/plain-text.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';
import { hasDirectReturn, vipsOf } from './virtual-addresses.js';

/** A name that Docker accepts; others don't go into commands. */
const SERVICE_NAME = /^[\w.-]{1,63}$/;

function* find(evidence: Evidence): Generator<Diagnosis> {
  const vips = vipsOf(evidence);
  if (vips.size === 0) return;
  for (const { capture } of capturesOf(evidence)) {
    for (const pair of capture.pairs) {
      const vip = pair.vni < 0 ? undefined : vips.get(pair.innerDestination);
      if (vip === undefined || hasDirectReturn(evidence, pair.vni)) continue;
      const { innerSource, innerDestination, source, destination, vni, count } = pair;
      if (isOfOtherCluster(evidence, vni, source, destination)) continue;
      yield {
        severity: Severity.Error,
        certainty: Certainty.Certain,
        summary: `${innerSource} on ${nodeText(evidence, source)} sends to ${innerDestination}, the virtual IP of ${plain(vip.service)}, over ${networkText(evidence, vni)} instead of through its own load balancer.`,
        subject: { nodes: [source], vni, endpoints: [innerSource, innerDestination] },
        exhibits: [
          shown(
            capture,
            pair,
            `${counted(count, 'frame')} to ${innerDestination} go to ${nodeText(evidence, destination)}`,
          ),
          { text: `${innerDestination} is the virtual IP of ${plain(vip.service)}`, places: [vip.place] },
        ],
        advice: [
          'Each node balances its own containers: a virtual IP is translated in the load balancer of the sending node and is never on the wire. There, IPVS has no entry for it, or an endpoint has the address, too.',
          'Compare ipvsadm -Ln in the load balancer of both nodes, then update the service with --force.',
        ],
        commands: [`docker service update --force ${SERVICE_NAME.test(vip.service) ? vip.service : 'SERVICE'}`],
        collect: ['ipvsadm -Ln', 'iptables-save', 'docker network inspect --verbose NETWORK'],
      };
    }
  }
}

export const vipAsDestination: Finding = {
  id: 'vip-as-destination',
  title: 'Frames to a virtual IP cross a tunnel',
  severity: Severity.Error,
  looksAt: 'captures: inner destinations; docker service inspect and docker network inspect --verbose: virtual IPs',
  fires:
    'a frame in a tunnel is addressed to the virtual IP of a service; not in networks with the option dsr (direct server return)',
  means: 'No endpoint has the address, so nobody answers: connections to the service from that node hang.',
  threads: ['moby/moby#30134', 'moby/moby#41668', 'moby/moby#32738'],
  explains: ['one-sided-traffic'],
  find: perSubject(find),
};
