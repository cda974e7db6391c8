import { distinctSas, inboundSas, isTransportEsp, sentSas } from '../../derived/associations.js';
import { aliases, deviceAddresses, nodesWith, nodeText, startText, ownAddresses } from '../../derived/nodes.js';
import { counted, exhibit, listed } from '../../derived/wording.js';
import { type Evidence, InputKind, type NodeEvidence } from '../../evidence/evidence.js';
import type { XfrmSa } from '../../evidence/kernel.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';
import { formatSpi } from '../../../ipsec/index.js';

const ADVICE = [
  'Let each node advertise an address that all other nodes reach it at, and that its packets leave with: no NAT between nodes.',
  'A node with several addresses needs --advertise-addr and --data-path-addr when it joins.',
];
const COMMANDS = ['docker swarm join --advertise-addr INTERFACE --data-path-addr INTERFACE --token TOKEN MANAGER:2377'];

/** SAs for an address that the peer doesn't send from. */
export const saForWrongAddress: Finding = {
  id: 'sa-for-wrong-address',
  title: "SAs are for an address that the peer's packets don't come from",
  severity: Severity.Error,
  looksAt: 'ip xfrm state of a node, with its ip addr, a capture of it, or ip xfrm state and ip addr of its peer',
  fires:
    "the peer's address of an SA is one of the node's own devices; or packets with the SA's SPI arrive from another address; " +
    'or the peer has SAs between the nodes for another address',
  means:
    'The peer advertises one address and sends from another, for example behind NAT. Its packets fail the checks of the ' +
    'UDP checksum and of the forwarding table, or find no SA at all, and are dropped.',
  threads: ['moby/moby#34763', 'moby/moby#30727', 'moby/moby#37115', 'moby/moby#31583'],
  explains: [
    'one-sided-esp',
    'unknown-spi',
    'outer-source-not-vtep',
    'one-sided-traffic',
    'peer-without-sas',
    'xfrm-unknown-spi-counted',
    'forwarding-to-wrong-node',
  ],
  find: findWrongAddresses,
};

function* findWrongAddresses(evidence: Evidence): Generator<Diagnosis> {
  for (const node of nodesWith(evidence, InputKind.XfrmState)) {
    yield* findOwnAddress(node);
    yield* findOtherSource(node);
  }
  yield* findOtherOfPeer(evidence);
}

/** The peer's address is one that this node has itself, as every node has that of docker_gwbridge. */
function* findOwnAddress(node: NodeEvidence): Generator<Diagnosis> {
  // Inputs whose node is unknown may be of several nodes.
  if (node.name === '') return;
  const own = ownAddresses(node);
  const devices = deviceAddresses(node);
  const sas = distinctSas(node).filter(
    (sa) => isTransportEsp(sa) && own.has(sa.source) && devices.has(sa.destination) && sa.source !== sa.destination,
  );
  if (sas.length === 0) return;
  const peers = listed(sas.map(({ destination }) => destination));
  yield {
    severity: Severity.Error,
    certainty: Certainty.Certain,
    summary: `SAs of ${nodeText(node)} are for the peer ${peers}, which is an address of ${nodeText(node)} itself.`,
    subject: { nodes: [...aliases(node), ...sas.map(({ destination }) => destination)] },
    exhibits: [
      exhibit(`${counted(sas.length, 'SA')} to ${peers}`, sas),
      exhibit(
        'the device with that address',
        node.links.filter(({ addresses }) =>
          addresses.some((one) =>
            sas.some(({ destination }) => one.startsWith(`${destination}/`) || one === destination),
          ),
        ),
      ),
    ],
    advice: ADVICE,
    commands: COMMANDS,
  };
}

/** Captures of the node have the SA's SPI from another address. */
function* findOtherSource(node: NodeEvidence): Generator<Diagnosis> {
  const inbound = inboundSas(node);
  const expected = new Set(inbound.map(({ spi, source }) => `${formatSpi(spi)} ${source}`));
  const unexpected = new Map(
    node.captures.flatMap(({ file, survey }) =>
      survey.esp
        .filter((esp) => !expected.has(`${esp.spi} ${esp.source}`))
        .map((esp) => [`${esp.spi} ${esp.destination}`, { file, esp }] as const),
    ),
  );
  for (const sa of inbound) {
    const spi = formatSpi(sa.spi);
    const other = unexpected.get(`${spi} ${sa.destination}`);
    if (other === undefined) continue;
    yield {
      severity: Severity.Error,
      certainty: Certainty.Certain,
      summary: `${startText(node)} has the SA ${spi} for packets from ${sa.source}, but they come from ${other.esp.source}.`,
      subject: { nodes: [...aliases(node), sa.source, other.esp.source], spi: sa.spi },
      exhibits: [
        exhibit(`SA ${spi}: src ${sa.source} dst ${sa.destination}`, [sa]),
        exhibit(`${counted(other.esp.packets, 'packet')} with this SPI from ${other.esp.source}`, [
          { place: { file: other.file } },
        ]),
      ],
      advice: ADVICE,
      commands: COMMANDS,
    };
  }
}

/** The node has SAs for one address of the peer, and the peer sends from another one. */
function* findOtherOfPeer(evidence: Evidence): Generator<Diagnosis> {
  const seen = new Set<string>();
  for (const { sa, sender, receiver, received } of sentSas(evidence)) {
    if (received.length > 0) continue;
    const addresses = deviceAddresses(sender);
    const expected = inboundSas(receiver).filter(({ source }) => source !== sa.source && addresses.has(source));
    const key = `${sa.source} ${sa.destination}`;
    if (expected.length === 0 || seen.has(key)) continue;
    seen.add(key);
    yield contradiction(sa, expected, sender, receiver);
  }
}

function contradiction(
  sa: XfrmSa,
  expected: readonly XfrmSa[],
  sender: NodeEvidence,
  receiver: NodeEvidence,
): Diagnosis {
  return {
    severity: Severity.Error,
    certainty: Certainty.Certain,
    summary: `${startText(receiver)} expects packets of ${nodeText(sender)} from ${expected[0].source}, but they are sent from ${sa.source}.`,
    subject: { nodes: aliases(sender, receiver) },
    exhibits: [
      exhibit(`${nodeText(receiver)} has SAs from ${expected[0].source}`, expected),
      exhibit(`${nodeText(sender)} has an SA from ${sa.source}`, [sa]),
    ],
    advice: ADVICE,
    commands: COMMANDS,
  };
}
