/** A node goes on with an old key after the others have rotated. */
import { formatSpi } from '../../../ipsec/index.js';
import { capturesOf, counted, nodeText, perSubject, shown, type SpiTrace, timeText } from '../../capture/index.js';
import type { CaptureEvidence } from '../../evidence/capture.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

/** Seconds after which a node that hasn't switched is behind: Swarm distributes keys within a few. */
const PATIENCE = 60;

/** What one node sends another: its SPIs by their first packets. */
interface Direction {
  readonly source: string;
  readonly spis: readonly SpiTrace[];
}

function directionsOf({ spis }: CaptureEvidence): Direction[] {
  const directions = new Map<string, SpiTrace[]>();
  for (const trace of spis) {
    // With keys, what doesn't open is of another sender, or forged.
    if (trace.firstSeconds === undefined || trace.failures.length > 0) continue;
    const name = `${trace.source} ${trace.destination}`;
    directions.set(name, [...(directions.get(name) ?? []), trace]);
  }
  return [...directions.values()].map((traces) => ({
    source: traces[0].source,
    spis: traces.sort((a, b) => (a.firstSeconds ?? 0) - (b.firstSeconds ?? 0)),
  }));
}

/** When a direction switched last; undefined if it didn't. */
function switchOf({ spis }: Direction): number | undefined {
  return spis.length > 1 ? spis.at(-1)?.firstSeconds : undefined;
}

/** Tag of the key that a direction ends with, if a ring explains it. */
function tagOf({ spis }: Direction): number | undefined {
  return spis.at(-1)?.key?.tag;
}

function* find(evidence: Evidence): Generator<Diagnosis> {
  for (const { capture } of capturesOf(evidence)) {
    const directions = directionsOf(capture);
    const switches = directions.map(switchOf).filter((seconds) => seconds !== undefined);
    const tags = directions.map(tagOf).filter((tag) => tag !== undefined);
    const newest = tags.length === 0 ? undefined : Math.max(...tags);
    const seconds = switches.length === 0 ? undefined : Math.max(...switches);
    const behind = directions.filter((direction) => {
      const last = direction.spis.at(-1);
      if (last === undefined) return false;
      const tag = tagOf(direction);
      if (tag !== undefined && newest !== undefined) {
        if (tag >= newest) return false;
        // It may have had nothing to send since.
        const ahead = directions.filter((other) => tagOf(other) === newest);
        const since = Math.min(...ahead.map(({ spis }) => spis.at(-1)?.firstSeconds ?? Number.NaN));
        return (last.lastSeconds ?? Number.NaN) - since > PATIENCE;
      }
      if (seconds === undefined || switchOf(direction) !== undefined) return false;
      // A direction that begins after the others' switch may have begun with the new key.
      return (last.firstSeconds ?? Infinity) < seconds && (last.lastSeconds ?? 0) - seconds > PATIENCE;
    });
    const sources = [...new Set(behind.map(({ source }) => source))];
    for (const source of sources) {
      const traces = behind.filter((direction) => direction.source === source).flatMap(({ spis }) => spis.slice(-1));
      yield {
        severity: Severity.Warning,
        certainty: newest === undefined ? Certainty.Likely : Certainty.Certain,
        summary: `${nodeText(evidence, source)} still sends with an old key${seconds === undefined ? '' : ` though others rotated at ${timeText(seconds)}`}: it missed the rotation.`,
        subject: { nodes: [source] },
        exhibits: traces
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
          'Look at the connection of the node to a manager (TCP 2377) and restart its engine.',
        ],
        commands: ['docker node ls', 'systemctl restart docker'],
        collect: ['ip -s xfrm state', 'docker info', 'journalctl -u docker'],
      };
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
