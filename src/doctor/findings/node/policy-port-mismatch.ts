import { isDockerPolicy } from '../../derived/associations.js';
import { hasFixedPolicyPort, versionOf } from '../../derived/engine-version.js';
import { encryptedNetworks } from '../../derived/networks.js';
import { aliases, nodeText } from '../../derived/nodes.js';
import { exhibit, listed } from '../../derived/wording.js';
import type { Evidence, NodeEvidence } from '../../evidence/evidence.js';
import type { Placed } from '../../evidence/place.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

/** VXLAN's port, and that of the policies of old engines. */
const VXLAN_PORT = 4789;

/** The policies select another port than the one that VXLAN uses. */
export const policyPortMismatch: Finding = {
  id: 'policy-port-mismatch',
  title: "Policies don't select the data path port",
  severity: Severity.Error,
  looksAt: 'ip xfrm policy, or docker info and docker version; docker info or ip -d link for the data path port',
  fires:
    "Docker's policies select a UDP port that isn't the data path port; or the data path port isn't 4789, a network is encrypted, and the engine is one that writes 4789 into its policies",
  means: 'Packets of encrypted networks match no policy, leave the node unencrypted, and are dropped by the receiver.',
  threads: ['moby/moby#45635', 'moby/moby#45636'],
  explains: ['clear-vxlan-on-encrypted-network', 'wrong-port', 'one-sided-esp', 'one-sided-traffic', 'vtep-drops'],
  find: findPorts,
};

interface DataPath extends Placed {
  readonly port: number;
  readonly source: string;
}

function* findPorts({ nodes }: Evidence): Generator<Diagnosis> {
  // A swarm has one data path port.
  const shared = nodes.flatMap((node) => fromEngine(node) ?? []).at(0);
  for (const node of nodes) {
    const actual = fromEngine(node) ?? fromDevice(node) ?? shared;
    if (actual === undefined) continue;
    const policies = node.policies.filter(
      (policy) => isDockerPolicy(policy) && policy.direction === 'out' && policy.destinationPort !== undefined,
    );
    const wrong = policies.filter(({ destinationPort }) => destinationPort !== actual.port);
    if (wrong.length > 0) {
      const ports = listed(wrong.map(({ destinationPort }) => String(destinationPort)));
      yield diagnose(node, actual, Certainty.Certain, ports, [exhibit(`policies for dport ${ports}`, wrong)]);
      continue;
    }
    if (policies.length > 0 || actual.port === VXLAN_PORT) continue;
    const engine = node.engines.at(0);
    const version = engine === undefined ? undefined : versionOf(engine.version);
    if (
      engine === undefined ||
      version === undefined ||
      !hasFixedPolicyPort(version) ||
      encryptedNetworks(node).length === 0
    )
      continue;
    yield diagnose(node, actual, Certainty.Likely, `${VXLAN_PORT}`, [
      exhibit(`Docker ${engine.version}, which writes ${VXLAN_PORT} into its policies`, [engine]),
      exhibit('encrypted network', encryptedNetworks(node)),
    ]);
  }
}

function fromEngine({ engines }: NodeEvidence): DataPath | undefined {
  const engine = engines.find(({ dataPathPort }) => dataPathPort !== 0);
  return engine && { port: engine.dataPathPort, source: 'docker info', place: engine.place };
}

/** The port of a vxlan device of one of the node's encrypted networks. */
function fromDevice(node: NodeEvidence): DataPath | undefined {
  const vnis = new Set(encryptedNetworks(node).flatMap((view) => view.vnis));
  for (const { name, vxlan, place } of node.links) {
    if (vxlan !== undefined && vxlan.port !== 0 && vnis.has(vxlan.vni)) {
      return { port: vxlan.port, source: `device ${name}, VNI ${vxlan.vni}`, place };
    }
  }
  return undefined;
}

function diagnose(
  node: NodeEvidence,
  actual: DataPath,
  certainty: Certainty,
  ports: string,
  exhibits: Diagnosis['exhibits'],
): Diagnosis {
  return {
    severity: Severity.Error,
    certainty,
    summary: `The data path port is ${actual.port}, but the policies of ${nodeText(node)} select ${ports}: packets of encrypted networks leave it unencrypted and are dropped.`,
    subject: { nodes: aliases(node) },
    exhibits: [exhibit(`data path port ${actual.port}: ${actual.source}`, [actual]), ...exhibits],
    advice: [
      'Update the engines to 23.0.7, 24.0.3 or later, which have moby/moby#45636.',
      'Otherwise create the swarm with the data path port 4789.',
    ],
    commands: ["docker version --format '{{.Server.Version}}'", 'ip xfrm policy'],
    ...(certainty === Certainty.Certain ? {} : { collect: ['ip xfrm policy'] }),
  };
}
