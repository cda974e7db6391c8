import { aliases, startText } from '../../derived/nodes.js';
import { exhibit } from '../../derived/wording.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

interface Known {
  /** In lower case. */
  readonly phrase: string;
  readonly severity: Severity;
  readonly text: string;
  readonly advice: string;
  readonly command: string;
}

/** Warnings that concern networks and the swarm; others are about memory and storage. */
const WARNINGS: readonly Known[] = [
  {
    phrase: 'ipv4 forwarding is disabled',
    severity: Severity.Error,
    text: 'forwards no IPv4 packets: containers reach nothing outside their network, and published ports do not work',
    advice: 'Switch forwarding on, and find out which program switches it off.',
    command: 'sysctl -w net.ipv4.ip_forward=1',
  },
  {
    phrase: 'ipv6 forwarding is disabled',
    severity: Severity.Warning,
    text: 'forwards no IPv6 packets',
    advice: 'Switch forwarding on if containers have IPv6 addresses.',
    command: 'sysctl -w net.ipv6.conf.all.forwarding=1',
  },
  {
    phrase: 'bridge-nf-call-iptables is disabled',
    severity: Severity.Warning,
    text: "doesn't apply iptables to bridged packets, which rules between containers and published ports on one node rely on",
    advice: 'Load br_netfilter and switch the setting on.',
    command: 'modprobe br_netfilter && sysctl -w net.bridge.bridge-nf-call-iptables=1',
  },
  {
    phrase: 'two-manager configuration',
    severity: Severity.Warning,
    text: 'is in a swarm with two managers, which stops if either fails: no rotation of keys, no new tasks',
    advice: 'Run one manager, or three.',
    command: 'docker node promote NODE',
  },
];

/** Warnings of docker info that explain trouble with networks. */
export const engineWarnings: Finding = {
  id: 'engine-warnings',
  title: 'The engine warns of settings that networks need',
  severity: Severity.Error,
  looksAt: 'docker info',
  fires: 'docker info warns that forwarding or bridge-nf-call-iptables is off, or of two managers',
  means:
    'The kernel or the swarm is set up in a way that overlay networks, published ports or the rotation of keys suffer from.',
  threads: ['moby/moby#41775', 'moby/moby#52005'],
  explains: [],
  find: findWarnings,
};

function* findWarnings({ nodes }: Evidence): Generator<Diagnosis> {
  for (const node of nodes) {
    for (const engine of node.engines) {
      for (const { phrase, severity, text, advice, command } of WARNINGS) {
        const warning = engine.warnings.find((one) => one.toLowerCase().includes(phrase));
        if (warning === undefined) continue;
        yield {
          severity,
          certainty: Certainty.Certain,
          summary: `${startText(node)} ${text}.`,
          subject: { nodes: aliases(node) },
          exhibits: [exhibit(warning, [engine])],
          advice: [advice],
          commands: [command],
        };
      }
    }
  }
}
