/** A peer in the benchmark: another program that does the same work as vtep. */
import { median, spread } from '../machine.js';
import type { MissingPeer, PeerResult } from '../result.js';
import { meanBytes } from '../imix.js';
import { ProgramError } from './program.js';

/** Identification of a figure. */
export type PeerRow = Pick<PeerResult, 'peer' | 'what' | 'stage' | 'bytes'>;

/** Rows that are measured together. */
export interface Peer {
  readonly rows: readonly PeerRow[];
  /** Measures each row once, and returns the nanoseconds per packet of each, in the order of `rows`. */
  readonly round: () => Promise<readonly number[]>;
}

/** The available peers of one kind. */
export interface FoundPeers {
  readonly peers: readonly Peer[];
  readonly notMeasured: readonly MissingPeer[];
  /** Names and versions of what was found. */
  readonly versions: readonly string[];
}

/** A kind of peer without any available, and why. */
export function nothingOf(...notMeasured: readonly MissingPeer[]): FoundPeers {
  return { peers: [], notMeasured, versions: [] };
}

function resultOf(row: PeerRow, times: readonly number[]): PeerResult {
  const nsPerPacket = median(times);
  const pps = 1e9 / nsPerPacket;
  const bitsPerSecond = row.bytes === null ? 0 : pps * 8 * meanBytes(row.bytes);
  return { ...row, pps, nsPerPacket, bitsPerSecond, spread: spread(times) };
}

/**
 * Measures peers in interleaved rounds, so that a slow phase of the machine affects all of them.
 * @param rounds how many, from 1 on
 * @param milliseconds time limit: except for the first, no round begins that would exceed it
 * @param onProgress called with what is measured next
 * @returns medians; a peer whose program fails is in `notMeasured`, with its message
 * @throws any error of a peer other than `ProgramError`: different results for the same packets stop the run
 */
export async function measureInTurn(
  peers: readonly Peer[],
  rounds: number,
  milliseconds = Infinity,
  onProgress: (name: string) => void = () => undefined,
): Promise<{ peers: PeerResult[]; notMeasured: MissingPeer[] }> {
  const times = peers.map((peer) => peer.rows.map((): number[] => []));
  const failed = new Map<Peer, string>();
  const start = performance.now();
  for (let round = 1; round <= rounds; round++) {
    if (round > 1 && ((performance.now() - start) * round) / (round - 1) > milliseconds) break;
    for (const [i, peer] of peers.entries()) {
      if (failed.has(peer)) continue;
      onProgress(`${peer.rows[0].peer}, round ${round} of ${rounds}`);
      try {
        for (const [row, nanoseconds] of (await peer.round()).entries()) times[i][row].push(nanoseconds);
      } catch (error) {
        if (!(error instanceof ProgramError)) throw error;
        failed.set(peer, error.message);
      }
    }
  }
  const results: PeerResult[] = [];
  const notMeasured: MissingPeer[] = [];
  for (const [i, peer] of peers.entries()) {
    const missing = failed.get(peer);
    for (const [row, of] of peer.rows.entries()) {
      if (missing === undefined) results.push(resultOf(of, times[i][row]));
      else notMeasured.push({ peer: of.peer, what: of.what, missing });
    }
  }
  return { peers: results, notMeasured };
}
