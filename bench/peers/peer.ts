/** What a peer of the benchmark is: somebody else's program at work that vtep does too. */
import { median, spread } from '../machine.js';
import type { MissingPeer, PeerResult } from '../result.js';
import { meanBytes } from '../imix.js';
import { ProgramError } from './program.js';

/** Which work a figure is of. */
export type PeerRow = Pick<PeerResult, 'peer' | 'what' | 'stage' | 'bytes'>;

/** Rows that are measured together. */
export interface Peer {
  readonly rows: readonly PeerRow[];
  /** Measures each row once, and says the nanoseconds a packet of each, in the order of `rows`. */
  readonly round: () => Promise<readonly number[]>;
}

/** What there is of one kind of peer on this machine. */
export interface FoundPeers {
  readonly peers: readonly Peer[];
  readonly notMeasured: readonly MissingPeer[];
  /** Names and versions of what was found. */
  readonly versions: readonly string[];
}

/** A kind of peer of which there is nothing here, and why. */
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
 * Measures peers in turn, round by round, so that a slow moment of the machine meets all of them.
 * @param rounds how many, from 1 on
 * @param milliseconds that they may take: no round is begun that would end later, but for the first
 * @param onProgress is told who is measured next
 * @returns medians; a peer whose program fails is among the others, with what it said
 * @throws what a peer throws that is no `ProgramError`: one that finds something else in the same packets stops the run
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
