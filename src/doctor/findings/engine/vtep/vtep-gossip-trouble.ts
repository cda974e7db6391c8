import { aliases, nodeText, startText } from '../../../derived/nodes.js';
import { countOf, objectAt, objectsAt, textOf } from '../../../derived/status-document.js';
import { counted, exhibit, listed } from '../../../derived/wording.js';
import type { Evidence } from '../../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../../finding.js';
import { nodeStatuses, type NodeStatus } from './status-input.js';

/** Share of streams that fail without anything being wrong: nodes restart. */
const FAILED_SHARE = 0.1;
const FEWEST = 10;

/** A vtep node's gossip has trouble. */
export const vtepGossipTrouble: Finding = {
  id: 'vtep-gossip-trouble',
  title: 'Gossip of a vtep node has trouble',
  severity: Severity.Error,
  looksAt: 'vtep status --json of a node in a swarm',
  fires:
    'members are suspected or dead, or answer over TCP or UDP alone or through others only; packets came that no key decrypts; streams fail; or own endpoints are not announced',
  means: "What the node knows of others' endpoints, or they of its own, is incomplete or late.",
  threads: ['moby/moby#40184', 'moby/moby#47728', 'moby/moby#25608'],
  explains: ['gossip-suspicions', 'gossip-wrong-keys', 'gossip-one-way'],
  find: findTrouble,
};

function* findTrouble(evidence: Evidence): Generator<Diagnosis> {
  for (const found of nodeStatuses(evidence)) {
    yield* findMembers(found);
    yield* findKeys(found);
    yield* findStreams(found);
    yield* findUnannounced(found);
  }
}

function* findMembers({ node, status, place }: NodeStatus): Generator<Diagnosis> {
  const members = objectsAt(status, 'members', 'rows').filter((member) => member['self'] !== true);
  const kinds: readonly [text: string, of: (member: Readonly<Record<string, unknown>>) => boolean, advice: string][] = [
    [
      'suspects',
      ({ state }) => state === 'suspect',
      'See whether these nodes are up, and whether UDP 7946 passes in both directions.',
    ],
    [
      'takes for dead',
      ({ state }) => state === 'dead',
      'See whether these nodes are up; a node that is gone for good can be removed with docker node rm.',
    ],
    [
      'reaches over TCP only',
      ({ tcpOnly }) => tcpOnly === true,
      'Open UDP 7946 between the nodes, in both directions.',
    ],
    [
      'reaches over UDP only',
      ({ udpOnly }) => udpOnly === true,
      'Open TCP 7946 between the nodes, in both directions.',
    ],
    [
      'reaches only through other nodes',
      ({ relayed }) => relayed === true,
      'Open UDP and TCP 7946 between the two nodes.',
    ],
  ];
  for (const [text, isOf, advice] of kinds) {
    const names = members.filter(isOf).map((member) => `${textOf(member['name'])} (${textOf(member['address'])})`);
    if (names.length === 0) continue;
    yield {
      severity: Severity.Warning,
      certainty: Certainty.Certain,
      summary: `${startText(node)} ${text}: ${listed(names)}.`,
      subject: { nodes: aliases(node) },
      exhibits: [exhibit(`members: ${listed(names)}`, [{ place }])],
      advice: [advice],
      commands: ['docker node ls', 'vtep status members'],
    };
  }
}

function* findKeys({ node, status, place }: NodeStatus): Generator<Diagnosis> {
  const count = countOf(objectAt(status, 'gossip', 'dropped')['no-key-fits']);
  const received = countOf(objectAt(status, 'gossip')['packetsReceived']);
  if (count < FEWEST || count < received * FAILED_SHARE) return;
  yield {
    severity: Severity.Error,
    certainty: Certainty.Certain,
    summary: `${startText(node)} can't decrypt ${counted(count, 'packet')} of gossip: nobody's key fits.`,
    subject: { nodes: aliases(node) },
    exhibits: [exhibit(`dropped, no-key-fits: ${count.toLocaleString('en-US')}`, [{ place }])],
    advice: [
      'The node or the senders missed a rotation of the keys, or the senders are of another swarm.',
      'Check the connection to the managers (TCP 2377).',
    ],
    commands: ['vtep status keys', 'docker node ls'],
  };
}

function* findStreams({ node, status, place }: NodeStatus): Generator<Diagnosis> {
  const { streamsFailed, streamsOpened } = objectAt(status, 'gossip');
  const failed = countOf(streamsFailed);
  if (failed < FEWEST || failed < countOf(streamsOpened) * FAILED_SHARE) return;
  yield {
    severity: Severity.Warning,
    certainty: Certainty.Likely,
    summary: `${counted(failed, 'gossip stream')} of ${nodeText(node)} failed, of ${countOf(streamsOpened).toLocaleString('en-US')} opened.`,
    subject: { nodes: aliases(node) },
    exhibits: [exhibit(`streamsFailed: ${failed.toLocaleString('en-US')}`, [{ place }])],
    advice: ['Open TCP 7946 between the nodes: whole tables are exchanged over it.'],
    commands: ['nc -zvw3 OTHER-NODE 7946'],
  };
}

function* findUnannounced({ node, status, place }: NodeStatus): Generator<Diagnosis> {
  const list = objectAt(status, 'gossip')['unannounced'];
  const names = Array.isArray(list) ? list.map(textOf).filter((name) => name !== '') : [];
  if (names.length === 0) return;
  yield {
    severity: Severity.Warning,
    certainty: Certainty.Certain,
    summary: `${startText(node)} hasn't announced ${listed(names)}: no other node can reach ${names.length === 1 ? 'it' : 'them'}.`,
    subject: { nodes: aliases(node) },
    exhibits: [exhibit(`unannounced: ${listed(names)}`, [{ place }])],
    advice: ['An endpoint is announced once its interface is there: see why it is missing.'],
    commands: ['vtep status endpoints'],
  };
}
