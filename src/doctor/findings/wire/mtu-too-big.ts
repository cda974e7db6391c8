/** Packets are larger than the path between two VTEPs takes. */
import {
  capturesOf,
  carriesFrames,
  counted,
  matchedCaptures,
  nodeText,
  type OuterFragments,
  shown,
  type TcpTrace,
  vtepsOf,
} from '../../capture/index.js';
import { CAPTURE_COMMAND } from '../../derived/capture-command.js';
import type { CaptureEvidence } from '../../evidence/capture.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Exhibit, type Finding, Severity } from '../../finding.js';
import { isComparable } from './lost-flows.js';
import { LostFragments, lostFragments } from './lost-fragments.js';

/** Times that a large segment is sent again in vain before a connection counts as hanging. */
const STUCK = 3;
/** Bytes of a segment from which its size may be what is wrong. */
const LARGE = 1000;
const LOST = 3;
/** Exhibits of a path: a thousand connections that hang show no more than eight. */
const MAX_EXHIBITS = 8;
/** Headers between the inner and the outer IP packet in clear VXLAN over IPv4, which Docker's driver subtracts. */
const OVERHEAD = 50;

/** What was found between two VTEPs. */
interface Path {
  readonly nodes: readonly string[];
  readonly exhibits: Exhibit[];
  /** Exhibits beyond the first ones. */
  more: number;
  isLossy: boolean;
  /** Whether the capture has first fragments only, and so can't tell whether the others arrive. */
  lacksRests: boolean;
  isCertain: boolean;
  /** Smallest size that the path was seen to take, in bytes of IP packets; Infinity if unknown. */
  takes: number;
}

function pathOf(paths: Map<string, Path>, ends: readonly string[]): Path {
  const nodes = [...ends].sort();
  const name = nodes.join(' ');
  const path = paths.get(name) ?? {
    nodes,
    exhibits: [],
    more: 0,
    isLossy: false,
    lacksRests: false,
    isCertain: false,
    takes: Infinity,
  };
  paths.set(name, path);
  return path;
}

function show(path: Path, exhibit: Exhibit): void {
  if (path.exhibits.length < MAX_EXHIBITS) path.exhibits.push(exhibit);
  else path.more++;
}

function addFragments(path: Path, evidence: Evidence, capture: CaptureEvidence, row: OuterFragments): void {
  const from = nodeText(evidence, row.source);
  const text = `${counted(row.count, 'outer fragment')} of ${row.protocol} from ${from}, the largest of ${row.largest} bytes`;
  show(path, shown(capture, row, text));
  path.isCertain = true;
  if (row.largest > 0) path.takes = Math.min(path.takes, row.largest);
  const lost = lostFragments(capture, row);
  if (lost === LostFragments.None) return;
  // A capture filter may have left the others out: that there are fragments is certain, that some are lost isn't.
  if (lost === LostFragments.Some) path.isLossy = true;
  else path.lacksRests = true;
  const rests = row.withoutRests > 0 ? `; of ${row.withoutRests} only the first fragment was captured` : '';
  show(
    path,
    shown(
      capture,
      row.incomplete,
      `${counted(row.incomplete.count, 'packet')} incomplete: fragments are missing${rests}`,
    ),
  );
}

function isHanging({ stuck, stuckBytes, handshake, largestAcknowledged }: TcpTrace): boolean {
  return handshake && stuck >= STUCK && stuckBytes >= LARGE && largestAcknowledged < stuckBytes;
}

function adviceFor({ takes, isLossy, lacksRests }: Path): { readonly advice: string[]; readonly commands: string[] } {
  const mtu = Number.isFinite(takes) ? String(takes) : 'MTU';
  const known = Number.isFinite(takes) ? ` (${takes} here, going by the fragments)` : '';
  return {
    advice: [
      `Set the networks' MTU to what the smallest link between the nodes takes${known}: Docker starts from 1500 whatever the underlay has, and the driver subtracts ${OVERHEAD} bytes for VXLAN, and 26 more for an encrypted network.`,
      'Recreate the network with the option, and its services; likewise the ingress network, if its packets are too big.',
      'If the underlay should take 1500 bytes plus the headers, raise the MTU of its links instead.',
      ...(lacksRests && !isLossy
        ? ['Capture again with all fragments, which "udp port 4789" leaves out, to see whether the others arrive.']
        : []),
    ],
    commands: [
      `docker network create --driver overlay --opt com.docker.network.driver.mtu=${mtu} NETWORK`,
      ...(lacksRests && !isLossy ? [CAPTURE_COMMAND] : []),
    ],
  };
}

function* find(evidence: Evidence): Generator<Diagnosis> {
  const paths = new Map<string, Path>();
  for (const { capture } of capturesOf(evidence)) {
    for (const row of capture.fragments) {
      if (row.protocol === 'other') continue;
      addFragments(pathOf(paths, [row.source, row.destination]), evidence, capture, row);
    }
    for (const row of capture.tooBig) {
      if (!row.underlay) continue;
      const path = pathOf(paths, [row.sender, row.destination]);
      const from = nodeText(evidence, row.reporter);
      const mtu = row.mtu === 0 ? '' : `, which takes ${row.mtu} bytes`;
      show(path, shown(capture, row, `${counted(row.count, 'ICMP message')} "too big" from ${from}${mtu}`));
      path.isCertain = true;
      path.isLossy ||= row.ignored.count >= LOST;
      if (row.mtu > 0) path.takes = Math.min(path.takes, row.mtu);
    }
    for (const row of capture.tcp) {
      if (!isHanging(row)) continue;
      const path = pathOf(paths, vtepsOf(capture, row.vni, row.innerSource, row.innerDestination));
      const name = `${row.innerSource}:${row.sourcePort} to ${row.innerDestination}:${row.destinationPort}`;
      const text = `${name} completes its handshake, then sends a segment of ${row.stuckBytes} bytes ${row.stuck + 1} times without an acknowledgment`;
      show(path, shown(capture, row.retransmissions, text));
      path.isLossy = true;
    }
  }
  for (const match of matchedCaptures(evidence)) {
    const { flows, first, second } = match;
    for (const flow of flows) {
      if (!isComparable(match, flow)) continue;
      const [lost, capture] =
        flow.onlyFirst.count >= flow.onlySecond.count ? [flow.onlyFirst, first] : [flow.onlySecond, second];
      if (!carriesFrames(flow.kind) || lost.count < LOST || flow.matched === 0) continue;
      if (flow.smallestLost <= flow.largestMatched || flow.smallestLost < LARGE) continue;
      const path = pathOf(paths, [flow.source, flow.destination]);
      const text = `${counted(lost.count, 'packet')} of ${flow.smallestLost} bytes or more never arrive, while all of up to ${flow.largestMatched} bytes do`;
      show(path, shown(capture, lost, text));
      path.isLossy = true;
    }
  }
  for (const path of paths.values()) {
    const between = path.nodes.map((node) => nodeText(evidence, node)).join(' and ');
    const where = between === '' ? 'between two nodes' : `between ${between}`;
    yield {
      severity: path.isLossy ? Severity.Error : Severity.Warning,
      certainty: path.isCertain ? Certainty.Certain : Certainty.Likely,
      summary: path.isLossy
        ? `Large packets are lost ${where}: they don't fit the path.`
        : `Full packets ${where} go out in fragments: they don't fit the path.`,
      subject: path.nodes.length === 0 ? {} : { nodes: path.nodes },
      exhibits: path.more === 0 ? path.exhibits : [...path.exhibits, { text: `${path.more} more of the same` }],
      ...adviceFor(path),
      ...(path.isCertain ? {} : { collect: collectFor(path) }),
    };
  }
}

function collectFor({ nodes }: Path): string[] {
  const to = nodes.at(-1) ?? 'PEER';
  return ['ip -d link', `ping -M do -s 1472 -c 3 ${to}`, `ping -M do -s 1392 -c 3 ${to}`];
}

export const mtuTooBig: Finding = {
  id: 'mtu-too-big',
  title: 'Packets are larger than the path between the nodes takes',
  severity: Severity.Error,
  looksAt:
    'captures: outer fragments and their missing parts, ICMP "too big" about VXLAN and ESP, TCP connections that hang after the handshake, sizes of what is lost between two captures',
  fires:
    'a warning for outer fragments; an error if parts of them are missing, if a segment of 1000 bytes or more is retransmitted four times without an acknowledgment, or if only large packets are lost',
  means:
    'VXLAN adds 50 bytes to each packet and ESP at least 26 more. If the result is larger than a link between the nodes, it is fragmented, which costs throughput, or lost: small packets and handshakes pass, and downloads hang.',
  threads: [
    'moby/moby#24906',
    'moby/moby#36689',
    'moby/moby#43673',
    'moby/moby#33133',
    'moby/libnetwork#2661',
    'moby/libnetwork#1021',
    'flannel-io/flannel#841',
  ],
  explains: [
    'fragments-lost',
    'icmp-too-big-ignored',
    'lost-between-captures',
    'retransmission-storm',
    'sequence-gaps',
    'one-sided-traffic',
  ],
  find,
};
