/** Connections of `conntrack -L` and /proc/net/nf_conntrack. */
import { pastedLines, withoutWraps } from '../../../text/pasted-text.js';
import type { TrackedConnection } from '../../evidence/firewall.js';
import { addressOf } from '../address-text.js';
import { keptText, placeIn, type Source } from '../source.js';

/** `ipv4 2` is shown by /proc and `-o extended`, `[NEW]` by `-E`. */
const HEAD =
  /^(?:\[[A-Z]{2,12}\]\s+)?(?:ipv[46]\s+\d{1,2}\s+)?([a-z][a-z0-9-]{1,15})\s+(\d{1,3})\s+(?:(\d{1,10})\s+)?(?:([A-Z][A-Z0-9_]{2,15})\s+)?(src=.*)$/;
const WORDS = new Set('mark use zone secctx secmark helper timeout bytes packets'.split(' '));

interface Direction {
  source: string;
  destination: string;
  sourcePort: number;
  destinationPort: number;
}

/** The connections of a source. */
export function* parseConntrack(source: Source): Generator<TrackedConnection, void> {
  const lines = withoutWraps(pastedLines(source.text), {
    begins: (line) => HEAD.test(line),
    isWord: (word) => WORDS.has(word) || /^(?:\[[A-Z]{2,12}\]|[a-z]{2,8}=\S{1,45})$/.test(word),
  });
  for (const { number, text } of lines) {
    const head = HEAD.exec(text.slice(0, 1000));
    if (head === null) continue;
    const directions = directionsOf(head[5]);
    if (directions === undefined) {
      source.warn('a connection without two valid addresses: skipped', number);
      continue;
    }
    const [original, reply] = directions;
    yield {
      place: placeIn(source, number),
      protocol: head[1],
      state: keptText(head.at(4) ?? ''),
      timeout: Number(head.at(3) ?? 0),
      ...original,
      replySource: reply.source,
      replyDestination: reply.destination,
      replySourcePort: reply.sourcePort,
      replyDestinationPort: reply.destinationPort,
      unreplied: text.includes('[UNREPLIED]'),
      assured: text.includes('[ASSURED]'),
    };
  }
}

/** The two directions; undefined if the first has no valid addresses. */
function directionsOf(text: string): readonly [Direction, Direction] | undefined {
  const found: [Direction, Direction] = [emptyDirection(), emptyDirection()];
  let current = -1;
  for (const word of text.split(/\s+/)) {
    const at = word.indexOf('=');
    if (at < 0) continue;
    const [name, value] = [word.slice(0, at), word.slice(at + 1)];
    if (name === 'src') current++;
    if (current > 1) break;
    const direction = found[current];
    if (name === 'src') direction.source = addressOf(value) ?? '';
    else if (name === 'dst') direction.destination = addressOf(value) ?? '';
    else if (name === 'sport') direction.sourcePort = portOf(value);
    else if (name === 'dport') direction.destinationPort = portOf(value);
  }
  return found[0].source === '' || found[0].destination === '' ? undefined : found;
}

function emptyDirection(): Direction {
  return { source: '', destination: '', sourcePort: 0, destinationPort: 0 };
}

function portOf(text: string): number {
  return /^\d{1,5}$/.test(text) ? Number(text) : 0;
}
