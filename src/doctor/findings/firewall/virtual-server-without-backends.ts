import { aliases, nodesWith, nodeText } from '../../derived/nodes.js';
import { exhibit, listed } from '../../derived/wording.js';
import type { VirtualServer } from '../../evidence/firewall.js';
import { type Evidence, InputKind } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

/** A service's VIP has no task to send connections to. */
export const virtualServerWithoutBackends: Finding = {
  id: 'virtual-server-without-backends',
  title: 'A load balancer has a service without backends',
  severity: Severity.Error,
  looksAt: 'ipvsadm -Ln',
  fires:
    'a virtual server for a firewall mark, as those of Docker are, has no real server, or only such with the weight 0',
  means:
    "Connections to the service's VIP or published port are refused or time out on this node. Weights are 0 while tasks stop: then it passes.",
  threads: ['moby/moby#41896', 'moby/moby#30321'],
  explains: ['retransmission-storm'],
  find: findEmpty,
};

function* findEmpty(evidence: Evidence): Generator<Diagnosis> {
  for (const node of nodesWith(evidence, InputKind.Ipvs)) {
    // Docker's have a mark. Those of kube-proxy have an address, and none of them needs to have a backend.
    const dockers = node.virtualServers.filter(({ mark }) => mark !== undefined);
    const empty = dockers.filter(({ servers }) => servers.length === 0);
    const drained = dockers.filter(({ servers }) => servers.length > 0 && servers.every(({ weight }) => weight === 0));
    if (empty.length > 0) {
      yield diagnose(
        node,
        empty,
        Severity.Error,
        Certainty.Certain,
        `has no backends for ${listed(empty.map(nameOf))}`,
      );
    }
    if (drained.length > 0) {
      yield diagnose(
        node,
        drained,
        Severity.Warning,
        Certainty.Possible,
        `has only backends with the weight 0 for ${listed(drained.map(nameOf))}`,
      );
    }
  }

  function diagnose(
    node: Evidence['nodes'][number],
    servers: readonly VirtualServer[],
    severity: Severity,
    certainty: Certainty,
    what: string,
  ): Diagnosis {
    return {
      severity,
      certainty,
      summary: `A load balancer of ${nodeText(node)} ${what}: new connections fail.`,
      subject: { nodes: aliases(node) },
      exhibits: [exhibit(listed(servers.map(nameOf)), servers)],
      advice: [
        'See whether the service has running, healthy tasks.',
        'If it has, gossip about them did not arrive: check TCP and UDP 7946, and update the service to have its tasks announced again.',
      ],
      commands: ['docker service ps --filter desired-state=running SERVICE', 'docker service update --force SERVICE'],
      ...(certainty === Certainty.Certain
        ? {}
        : { collect: ['ipvsadm -Ln; sleep 30; ipvsadm -Ln   # in the namespace of the load balancer'] }),
    };
  }
}

function nameOf({ mark }: VirtualServer): string {
  return `mark ${mark}`;
}
