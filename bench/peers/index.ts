/** Alternatives to vtep, measured in turn; those not installed are reported. */
import type { MissingPeer, PeerResult } from '../result.js';
import { gopacketPeers } from './gopacket.js';
import { ipsecMbPeers } from './ipsec-mb.js';
import { linuxVxlanPeers } from './linux-vxlan.js';
import { nodeCryptoPeers } from './node-crypto.js';
import { nodeForgePeers } from './node-forge.js';
import { npmDecoderPeers } from './npm-decoders.js';
import { opensslSpeedPeers } from './openssl-speed.js';
import { type FoundPeers, measureInTurn } from './peer.js';
import { scapyPeers } from './scapy.js';
import { tsharkPeers } from './tshark.js';

/** Rounds, and the time limit in milliseconds for all; a busy machine does fewer rounds. */
const WHOLE = { rounds: 5, milliseconds: 180_000 } as const;
const QUICK = { rounds: 2, milliseconds: 20_000 } as const;

/** Every kind, in the order of the tables. */
const KINDS: readonly ((quick: boolean) => FoundPeers | Promise<FoundPeers>)[] = [
  gopacketPeers,
  npmDecoderPeers,
  tsharkPeers,
  async (quick) => scapyPeers(quick),
  linuxVxlanPeers,
  nodeCryptoPeers,
  nodeForgePeers,
  opensslSpeedPeers,
  ipsecMbPeers,
];

/** Options of the measurement. */
export interface PeerOptions {
  /** Fewer sizes and rounds: seconds instead of minutes. */
  readonly quick: boolean;
  /** Called with what is measured next. */
  readonly onProgress?: (name: string) => void;
}

/** Results of the peers. */
export interface PeerReport {
  readonly peers: PeerResult[];
  readonly notMeasured: MissingPeer[];
  /** Names and versions of the available ones, in one line. */
  readonly versions: string;
}

/**
 * Measures the available peers. Builds those in C and Go first, and generates the captures that they decode.
 * @throws Error if one decodes the same packets differently from vtep
 */
export async function measurePeers(options: PeerOptions): Promise<PeerReport> {
  const { quick, onProgress } = options;
  const { rounds, milliseconds } = quick ? QUICK : WHOLE;
  const start = performance.now();
  const found = await Promise.all(KINDS.map(async (kind) => kind(quick)));
  const peers = found.flatMap((kind) => kind.peers);
  const left = milliseconds - (performance.now() - start);
  const measured = await measureInTurn(peers, rounds, left, onProgress);
  return {
    peers: measured.peers,
    notMeasured: [...found.flatMap((kind) => kind.notMeasured), ...measured.notMeasured],
    versions: found.flatMap((kind) => kind.versions).join(', '),
  };
}
