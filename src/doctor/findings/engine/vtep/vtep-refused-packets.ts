import { aliases, nodeText, startText } from '../../../derived/nodes.js';
import { countOf, countsOf, objectAt, objectsAt, textOf } from '../../../derived/status-document.js';
import { counted, exhibit, listed } from '../../../derived/wording.js';
import type { Evidence } from '../../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../../finding.js';
import { nodeStatuses, type NodeStatus } from './status-input.js';

/** What an error of a socket means. */
const ERRORS: Readonly<Record<string, string>> = {
  EMSGSIZE:
    'Packets are larger than the MTU of the device: set the MTU of the underlay in the config, or com.docker.network.driver.mtu.',
  EPERM: 'A firewall of this node refuses them: look at the output rules.',
  EACCES: 'A route or a firewall of this node prohibits them.',
  ENETUNREACH: 'There is no route to the other node.',
  EHOSTUNREACH: 'The other node is not reachable: see whether it is up.',
  ECONNREFUSED: 'The other node has nothing that listens at the port.',
  ENOBUFS: "The device's queue is full: it is slower than what is sent.",
  EINVAL: 'The kernel does not take the packets: see whether the other node is of the same address family.',
};
const FEWEST = 10;
const SMALLEST_SHARE = 0.001;

/** The system refused packets of a vtep node, or lost some. */
export const vtepRefusedPackets: Finding = {
  id: 'vtep-refused-packets',
  title: "The system refused or lost a vtep node's packets",
  severity: Severity.Error,
  looksAt: 'vtep status --json',
  fires: `the sockets, or an interface of an endpoint, have refused ${FEWEST} packets or more, and one in ${1 / SMALLEST_SHARE} or more; or the sockets' queue overflowed as often`,
  means: 'Packets that vtep was ready to send, or that had arrived, were lost in the system.',
  threads: ['moby/moby#36689', 'moby/moby#26523'],
  explains: [],
  find: findRefused,
};

function* findRefused(evidence: Evidence): Generator<Diagnosis> {
  for (const found of nodeStatuses(evidence)) {
    yield* findSockets(found);
    yield* findEndpoints(found);
  }
}

function* findSockets({ node, status, place }: NodeStatus): Generator<Diagnosis> {
  const sockets = objectAt(status, 'node', 'sockets');
  const sent = countOf(sockets['sent']);
  for (const [error, count] of countsOf(sockets['refused'])) {
    if (!isMuch(count, sent)) continue;
    const advice = Object.hasOwn(ERRORS, error) ? ERRORS[error] : 'See what the error means in sendto(2).';
    yield {
      severity: Severity.Error,
      certainty: Certainty.Certain,
      summary: `The system refused ${counted(count, 'packet')} of ${nodeText(node)} with ${error}; ${sent.toLocaleString('en-US')} were sent.`,
      subject: { nodes: aliases(node) },
      exhibits: [exhibit(`refused, ${error}: ${count.toLocaleString('en-US')}`, [{ place }])],
      advice: [advice],
      commands: ['vtep status', 'ip route get OTHER-NODE'],
    };
  }
  const overrun = countOf(sockets['overrun']);
  const received = countOf(sockets['received']);
  if (!isMuch(overrun, received)) return;
  yield {
    severity: Severity.Warning,
    certainty: Certainty.Certain,
    summary: `${startText(node)} lost ${counted(overrun, 'packet')} because its socket's queue was full; ${received.toLocaleString('en-US')} were received.`,
    subject: { nodes: aliases(node) },
    exhibits: [exhibit(`overrun: ${overrun.toLocaleString('en-US')}`, [{ place }])],
    advice: ['Raise net.core.rmem_max, or run the node with more workers.'],
    commands: ['sysctl -w net.core.rmem_max=16777216'],
  };
}

function* findEndpoints({ node, status, place }: NodeStatus): Generator<Diagnosis> {
  const rows = objectsAt(status, 'endpoints', 'rows').filter(({ refused, sent }) =>
    isMuch(countOf(refused), countOf(sent)),
  );
  if (rows.length === 0) return;
  const names = rows.map(({ name, refused, refusedBy }) => {
    const reasons = countsOf(refusedBy).map(([reason, count]) => `${reason} ${count}`);
    return `${textOf(name)} (${counted(countOf(refused), 'frame')}${reasons.length === 0 ? '' : `: ${listed(reasons)}`})`;
  });
  yield {
    severity: Severity.Warning,
    certainty: Certainty.Certain,
    summary: `Interfaces of ${nodeText(node)} refused frames for ${listed(names)}.`,
    subject: {
      nodes: aliases(node),
      endpoints: rows.map(({ address }) => textOf(address)).filter((one) => one !== ''),
    },
    exhibits: [exhibit(`refused by: ${listed(names)}`, [{ place }])],
    advice: ['The container is too slow for what it gets, or its interface is down.'],
    commands: ['vtep status endpoints', 'ip -s link'],
  };
}

function isMuch(count: number, total: number): boolean {
  return count >= FEWEST && count >= total * SMALLEST_SHARE;
}
