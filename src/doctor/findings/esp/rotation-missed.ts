/** A node goes on with an old key after the others have rotated. */
import { formatSpi } from '../../../ipsec/index.js';
import { capturesOf, counted, nodeText, perSubject, shown, type SpiTrace, timeText } from '../../capture/index.js';
import type { CaptureEvidence } from '../../evidence/capture.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

/** Seconds after which a node that hasn't switched is behind: Swarm distributes keys within a few. */
const PATIENCE = 60;
/** Seconds during which packets with the old key and the new one may be mixed. */
const OVERLAP = 5;

/** What one node sends another: its SPIs by their first packets. */
interface Direction {
  readonly source: string;
  readonly destination: string;
  readonly spis: readonly SpiTrace[];
}

function directionsOf({ spis }: CaptureEvidence): Direction[] {
  const directions = new Map<string, SpiTrace[]>();
  for (const trace of spis) {
    // With keys, what doesn't open is of another sender, or forged.
    if (trace.firstSeconds === undefined || trace.failures.length > 0) continue;
    const name = `${trace.source} ${trace.destination}`;
    const known = directions.get(name);
    if (known === undefined) directions.set(name, [trace]);
    else known.push(trace);
  }
  return [...directions.values()].map((traces) => ({
    source: traces[0].source,
    destination: traces[0].destination,
    spis: traces.sort((a, b) => (a.firstSeconds ?? 0) - (b.firstSeconds ?? 0)),
  }));
}

/** When a direction switched last; undefined if it didn't. SPIs that are used side by side are no switch. */
function switchOf({ spis }: Direction): number | undefined {
  const newest = spis.at(-1)?.firstSeconds;
  if (spis.length < 2 || newest === undefined) return undefined;
  return spis.slice(0, -1).every(({ lastSeconds = 0 }) => lastSeconds <= newest + OVERLAP) ? newest : undefined;
}

/** The directions of each cluster: VTEPs that send to one another, directly or by way of others. */
function clustersOf(directions: readonly Direction[]): Direction[][] {
  const parents = new Map<string, string>();
  const rootOf = (vtep: string): string => {
    let root = vtep;
    for (let next = parents.get(root); next !== undefined; next = parents.get(root)) root = next;
    // So that the next search is short.
    for (let at = vtep; at !== root;) {
      const next = parents.get(at) ?? root;
      parents.set(at, root);
      at = next;
    }
    return root;
  };
  for (const { source, destination } of directions) {
    const [one, other] = [rootOf(source), rootOf(destination)];
    if (one !== other) parents.set(one, other);
  }
  const clusters = new Map<string, Direction[]>();
  for (const direction of directions) {
    const cluster = clusters.get(rootOf(direction.source));
    if (cluster === undefined) clusters.set(rootOf(direction.source), [direction]);
    else cluster.push(direction);
  }
  return [...clusters.values()];
}

/** Tag of the key that a direction ends with, if a ring explains it. */
function tagOf({ spis }: Direction): number | undefined {
  return spis.at(-1)?.key?.tag;
}

/** The directions that go on with an old key, and when the others switched. */
function behindIn(directions: readonly Direction[]): { readonly behind: Direction[]; readonly seconds?: number } {
  const switches = directions.map(switchOf).filter((seconds) => seconds !== undefined);
  const tags = directions.map(tagOf).filter((tag) => tag !== undefined);
  const newest = tags.reduce((a, b) => Math.max(a, b), -1);
  const since = directions
    .filter((direction) => tagOf(direction) === newest)
    .reduce((earliest, { spis }) => Math.min(earliest, spis.at(-1)?.firstSeconds ?? Infinity), Infinity);
  const seconds = switches.length === 0 ? undefined : switches.reduce((a, b) => Math.max(a, b));
  const behind = directions.filter((direction) => {
    const last = direction.spis.at(-1);
    if (last === undefined) return false;
    const tag = tagOf(direction);
    // It may have had nothing to send since.
    if (tag !== undefined) return tag < newest && (last.lastSeconds ?? 0) - since > PATIENCE;
    if (seconds === undefined || direction.spis.length > 1) return false;
    // A direction that begins after the others' switch may have begun with the new key.
    return (last.firstSeconds ?? Infinity) < seconds && (last.lastSeconds ?? 0) - seconds > PATIENCE;
  });
  return { behind, ...(seconds === undefined ? {} : { seconds }) };
}

function diagnosisOf(
  evidence: Evidence,
  capture: CaptureEvidence,
  source: string,
  behind: readonly Direction[],
  seconds: number | undefined,
): Diagnosis {
  const name = nodeText(evidence, source);
  return {
    severity: Severity.Warning,
    certainty: behind.every((direction) => tagOf(direction) !== undefined) ? Certainty.Certain : Certainty.Likely,
    summary: `${name} still sends with an old key${seconds === undefined ? '' : ` though others rotated at ${timeText(seconds)} (UTC)`}: it missed the rotation.`,
    subject: { nodes: [source] },
    exhibits: behind
      .flatMap(({ spis }) => spis.slice(-1))
      .slice(0, 5)
      .map((trace) =>
        shown(
          capture,
          trace,
          `${counted(trace.count, 'packet')} with SPI ${formatSpi(trace.spi)} to ${trace.destination}${trace.key === null ? '' : `, key ${trace.key.tag}`}`,
        ),
      ),
    advice: [
      'The other nodes keep the old key for one rotation more, 12 hours; after that they drop what the node sends.',
      `Look at the connection of ${name} to a manager (TCP 2377). Drain the node before its engine is restarted, since that stops its containers.`,
    ],
    commands: [
      'docker node ls   # on a manager',
      `systemctl restart docker   # on ${name}, after docker node update --availability drain`,
    ],
    collect: ['ip -s xfrm state', 'docker info', 'journalctl -u docker'],
  };
}

function* find(evidence: Evidence): Generator<Diagnosis> {
  for (const { capture } of capturesOf(evidence)) {
    for (const directions of clustersOf(directionsOf(capture))) {
      const { behind, seconds } = behindIn(directions);
      for (const source of new Set(behind.map((direction) => direction.source))) {
        const own = behind.filter((direction) => direction.source === source);
        yield diagnosisOf(evidence, capture, source, own, seconds);
      }
    }
  }
}

export const rotationMissed: Finding = {
  id: 'rotation-missed',
  title: 'A node is behind in the rotation of keys',
  severity: Severity.Warning,
  looksAt: 'captures: the SPIs of each direction over time, with the tags of their keys if a key ring is given',
  fires: 'a node still sends with an old key a minute after others began with a newer one',
  means:
    'Swarm rotates the keys of encrypted networks every 12 hours. A node that misses one goes silent when the others drop the old key.',
  threads: ['cilium/cilium#44335'],
  explains: [],
  find: perSubject(find),
};
