import { bestOptionOf, networkPaths } from '../../derived/network-paths.js';
import { aliases, nodeText } from '../../derived/nodes.js';
import { exhibit, shellWord } from '../../derived/wording.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

/** Bytes of a packet that are worth a new network. */
const WORTHWHILE = 500;

/** The underlay could carry much larger packets. */
export const mtuSmallerThanFits: Finding = {
  id: 'mtu-smaller-than-fits',
  title: 'The underlay could carry larger packets',
  severity: Severity.Note,
  looksAt: 'ip addr (MTU of the underlay), docker network inspect or ip -d link',
  fires: `the MTU of all nodes' underlay devices would allow packets that are ${WORTHWHILE} bytes or more larger than the network's`,
  means:
    'Docker assumes an underlay of 1500 bytes. Larger packets would cost less work per byte, most of all with encryption. Nothing is wrong.',
  threads: ['moby/moby#37855', 'moby/libnetwork#1330', 'flannel-io/flannel#841'],
  explains: [],
  find: findSmall,
};

function* findSmall(evidence: Evidence): Generator<Diagnosis> {
  for (const path of networkPaths(evidence)) {
    const { innerMtu, fitting, underlay, node, name, encrypted, ingress } = path;
    // One node's device says nothing about the path to the others.
    if (fitting - innerMtu < WORTHWHILE || !path.isComplete) continue;
    const option = bestOptionOf(path);
    yield {
      severity: Severity.Note,
      certainty: Certainty.Possible,
      summary: `Containers on ${name} have an MTU of ${innerMtu}, and ${fitting} would fit over ${underlay.link.name} of ${nodeText(node)} (MTU ${underlay.link.mtu}).`,
      subject: { nodes: aliases(...path.nodes), ...(path.vni === undefined ? {} : { vni: path.vni }) },
      exhibits: [
        exhibit(`${underlay.link.name}: MTU ${underlay.link.mtu}`, [underlay.link]),
        exhibit(`${name}: MTU ${innerMtu}`, path.facts),
      ],
      advice: [
        'Make sure that everything between the nodes carries packets of that size, and that traffic to the outside does not suffer.',
        `Create the network again with com.docker.network.driver.mtu=${option}.`,
      ],
      commands: [
        `ping -M do -c 3 -s ${underlay.link.mtu - 28} OTHER-NODE`,
        `docker network create --driver overlay ${ingress ? '--ingress ' : ''}${encrypted ? '--opt encrypted ' : ''}--opt com.docker.network.driver.mtu=${option} ${shellWord(name)}`,
      ],
    };
  }
}
