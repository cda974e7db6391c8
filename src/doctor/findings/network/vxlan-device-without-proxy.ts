import { isInUse } from '../../derived/networks.js';
import { aliases, nodeText } from '../../derived/nodes.js';
import { exhibit, inNamespace, listed, shellWord } from '../../derived/wording.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

/** A vxlan device of Docker's doesn't answer ARP. */
export const vxlanDeviceWithoutProxy: Finding = {
  id: 'vxlan-device-without-proxy',
  title: "A vxlan device doesn't answer ARP for remote endpoints",
  severity: Severity.Error,
  looksAt: 'ip -d link and docker network inspect of a node',
  fires: "the vxlan device of one of Docker's networks lacks the flag `proxy`",
  means:
    'Docker floods no ARP: the vxlan device answers it from its neighbours. Without the flag requests go to no one, and no remote endpoint is found.',
  threads: ['moby/moby#28559', 'moby/moby#35922'],
  explains: ['arp-in-tunnel', 'one-sided-traffic', 'neighbour-missing'],
  find: findDevices,
};

function* findDevices({ nodes }: Evidence): Generator<Diagnosis> {
  for (const node of nodes) {
    const views = node.networks.filter(isInUse);
    const links = node.links.filter(
      ({ vxlan }) => vxlan?.proxy === false && views.some(({ vnis }) => vnis.includes(vxlan.vni)),
    );
    if (links.length === 0) continue;
    const view = views.find(({ vnis }) => links.some(({ vxlan }) => vxlan !== undefined && vnis.includes(vxlan.vni)));
    yield {
      severity: Severity.Error,
      certainty: Certainty.Certain,
      summary: `${listed(links.map(({ name, vxlan }) => `${name} (VNI ${vxlan?.vni})`))} of ${nodeText(node)} lacks \`proxy\`: ARP for remote endpoints isn't answered.`,
      subject: {
        nodes: aliases(node),
        ...(links.length === 1 && links[0].vxlan !== undefined ? { vni: links[0].vxlan.vni } : {}),
      },
      exhibits: [exhibit('vxlan devices without `proxy`', links)],
      advice: [
        'Another program made or changed the device. Restart the engine with the device removed, so that it makes it anew.',
      ],
      commands: [
        inNamespace(view?.id, `ip link set ${shellWord(links[0].name)} type vxlan proxy`),
        'systemctl restart docker',
      ],
    };
  }
}
