import { isAddress, withoutLength } from '../../derived/addresses.js';
import { viewsByNetwork } from '../../derived/networks.js';
import { aliases } from '../../derived/nodes.js';
import { certaintyOf } from '../../derived/moments.js';
import { exhibit, shellWord } from '../../derived/wording.js';
import type { Evidence } from '../../evidence/evidence.js';
import type { Placed } from '../../evidence/place.js';
import { type Diagnosis, type Finding, Severity } from '../../finding.js';

/** A service's VIP is also the address of a task. */
export const vipIsTaskAddress: Finding = {
  id: 'vip-is-task-address',
  title: "A service's VIP is also the address of an endpoint",
  severity: Severity.Error,
  looksAt: 'docker network inspect --verbose, docker service inspect',
  fires: 'an address is the VIP of a service, and that of a task or another endpoint on the same network',
  means:
    'The managers gave one address out twice, for example after a change of leader. Clients of the service reach the endpoint, or the other way round, at random.',
  threads: ['moby/moby#32738', 'moby/moby#33795', 'moby/libnetwork#1537'],
  explains: [
    'duplicate-address',
    'vip-as-destination',
    'address-duplicated',
    'retransmission-storm',
    'virtual-server-without-backends',
  ],
  find: findShared,
};

interface Use extends Placed {
  readonly name: string;
}

function* findShared(evidence: Evidence): Generator<Diagnosis> {
  const services = evidence.nodes.flatMap((node) => node.services);
  for (const views of viewsByNetwork(evidence)) {
    const vips = new Map<string, Use>();
    const ends = new Map<string, Use>();
    const { id } = views[0].view;
    for (const { vips: all, name, place } of services) {
      for (const { network, address } of all) {
        if (network === id && id !== '' && isAddress(address)) vips.set(withoutLength(address), { name, place });
      }
    }
    for (const { view, place } of views) {
      for (const { name, service, vip, ip } of view.tasks ?? []) {
        if (isAddress(vip)) vips.set(withoutLength(vip), { name: service, place });
        if (isAddress(ip)) ends.set(withoutLength(ip), { name, place });
      }
      for (const { name, ipv4 } of view.endpoints) if (isAddress(ipv4)) ends.set(withoutLength(ipv4), { name, place });
    }
    const shared = [...vips].filter(([address]) => ends.has(address));
    for (const [address, service] of shared) {
      const end = ends.get(address);
      const certainty = end === undefined ? undefined : certaintyOf(evidence, service, end);
      if (end === undefined || certainty === undefined) continue;
      yield {
        severity: Severity.Error,
        certainty,
        summary: `${address} on network ${views[0].view.name} is the VIP of service ${service.name} and the address of ${end.name}.`,
        subject: { nodes: aliases(...views.map(({ node }) => node)), endpoints: [address] },
        exhibits: [exhibit(`VIP of ${service.name}`, [service]), exhibit(`address of ${end.name}`, [end])],
        advice: [
          `Remove the service ${service.name} and create it again: it gets another VIP.`,
          'If other services have the same trouble, restart the engine of the leader: its allocator reads all addresses again.',
        ],
        commands: [
          `docker service rm ${shellWord(service.name)}`,
          `docker service create --name ${shellWord(service.name)} ...`,
        ],
      };
    }
  }
}
