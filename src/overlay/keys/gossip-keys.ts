/** The keys of a swarm's gossip in the lines of its raft store. */
import { decodeHex } from '../../memory/internal.js';
import { OverlayError } from '../error.js';
import { ClusterKey } from './key-ring.js';

const LINE = /^networking:gossip lamport (\d{1,16}) key ((?:[0-9a-f]{2})+)\s*$/i;
const LENGTHS: readonly number[] = [16, 24, 32];
/** A swarm has three. */
const MAX_KEYS = 64;

/**
 * Parses the gossip keys in lines of Swarm's raft store (`networking:gossip lamport TAG key HEX`), by tag; other lines
 * are skipped. They have 16 bytes in a swarm; memberlist has 24 and 32, too. The caller wipes them.
 * @throws OverlayError `BAD_KEY_RING`
 */
export function parseGossipKeys(text: string): ClusterKey[] {
  const keys = new Map<number, ClusterKey>();
  text.split(/\r?\n/).forEach((line, index) => {
    const match = LINE.exec(line.trim());
    if (match === null) return;
    const tag = Number(match[1]);
    const key = decodeHex(match[2]);
    if (!LENGTHS.includes(key.length)) {
      throw new OverlayError(
        'BAD_KEY_RING',
        `line ${index + 1}: a gossip key has 16, 24 or 32 bytes, not ${key.length}`,
      );
    }
    if (!Number.isSafeInteger(tag)) {
      throw new OverlayError('BAD_KEY_RING', `line ${index + 1}: its Lamport time is not a whole number below 2^53`);
    }
    if (keys.size >= MAX_KEYS) throw new OverlayError('BAD_KEY_RING', `there are more than ${MAX_KEYS} gossip keys`);
    keys.get(tag)?.wipe();
    keys.set(tag, new ClusterKey(tag, key));
    key.fill(0);
  });
  return [...keys.values()].sort((a, b) => a.tag - b.tag);
}
