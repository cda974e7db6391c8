/** VXLAN on a port that isn't the expected one. */
import { capturesOf, counted } from '../../capture/index.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

/** A single packet may look like VXLAN by chance. */
const ENOUGH = 2;
const PORTS: ReadonlyMap<number, string> = new Map([
  [8472, 'the port of flannel, Cilium and old Linux VXLAN'],
  [4790, 'the port of VXLAN-GPE'],
]);

function* find(evidence: Evidence): Generator<Diagnosis> {
  const engines = evidence.nodes.flatMap((node) => node.engines.map(({ dataPathPort }) => dataPathPort));
  const configured = new Set(engines.filter((port) => port !== 0));
  for (const { capture } of capturesOf(evidence)) {
    for (const { port, packets, vnis } of capture.survey.vxlanPorts) {
      if (packets < ENOUGH) continue;
      const isForeign = configured.size > 0 && !configured.has(port);
      const networks = vnis.slice(0, 5).join(', ');
      yield {
        severity: isForeign ? Severity.Warning : Severity.Note,
        certainty: Certainty.Likely,
        summary: isForeign
          ? `VXLAN of VNI ${networks} goes to UDP port ${port}, but the engines use ${[...configured].join(' and ')}.`
          : `VXLAN of VNI ${networks} goes to UDP port ${port}${PORTS.has(port) ? `, ${PORTS.get(port) ?? ''}` : ''}.`,
        subject: vnis.length === 1 ? { vni: vnis[0] } : {},
        exhibits: [
          {
            text: `${counted(packets, 'packet')} to port ${port} that look like VXLAN`,
            places: [{ file: capture.file }],
          },
        ],
        advice: [
          `Give doctor --port ${port} to look inside.`,
          ...(isForeign ? ['Another overlay uses the node, or a node has another data path port than the rest.'] : []),
        ],
        commands: [`vtep doctor --port ${port} FILE`],
        collect: ['docker info', 'ip -d link show type vxlan'],
      };
    }
  }
}

export const wrongPort: Finding = {
  id: 'wrong-port',
  title: 'VXLAN goes to another port',
  severity: Severity.Warning,
  looksAt: 'captures: UDP packets to other ports that look like VXLAN; docker info: the data path port',
  fires: 'two or more such packets: a warning if docker info names another port, otherwise a note',
  means:
    'A VTEP receives VXLAN on one port only. Encrypted networks have policies for that port: on another one, traffic may leave in clear.',
  threads: ['moby/moby#45635', 'moby/libnetwork#358', 'apache/cloudstack#7930'],
  explains: [],
  find,
};
