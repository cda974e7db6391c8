/**
 * Matches a capture's SPIs with the keys of a ring, verified by the packets' ICVs, and finds each node's transmit key.
 */
import { DropReason, dropReasonName } from '../dataplane/index.js';
import type { Profile } from '../overlay/index.js';
import type { EspReport, Problem, SurveyReport } from './report.js';
import type { RingKeyReport, RingKeys, SpiKeyReport } from './ring-key.js';

/** A full table can't count the SPIs that it doesn't list, only their packets. */
const TABLE_FULL = 'packets not listed because a table is full: SPIs may be missing from the list';
const WRONG_ICV = dropReasonName(DropReason.EspWrongIcv);

/** An SPI in one direction. */
export interface KeyMatch {
  /** `0x` and 8 hexadecimal digits. */
  readonly spi: string;
  readonly source: string;
  readonly destination: string;
  readonly inUdp: boolean;
  readonly packets: number;
  /** Packets whose ICV was valid under the key. */
  readonly opened: number;
  /** Packets that weren't decrypted, by reason. */
  readonly failed: Readonly<Record<string, number>>;
  /** The key whose tag yields the SPI; null if none does. */
  readonly key: SpiKeyReport | null;
}

/** The key that a node transmits with, to one or more peers. */
export interface TransmitKey extends RingKeyReport {
  /** Number of peers that it sends to with this key. */
  readonly peers: number;
}

/** How the SPIs of a capture match the keys of a ring. Contains no key material. */
export interface KeyMatchReport {
  readonly profile: Profile;
  readonly ring: readonly RingKeyReport[];
  readonly packets: number;
  readonly opened: number;
  readonly spis: readonly KeyMatch[];
  /** Nodes, each with the keys that decrypted its packets: the latest in each direction. */
  readonly nodes: readonly { readonly address: string; readonly keys: readonly TransmitKey[] }[];
  readonly problems: readonly Problem[];
}

/**
 * Matches a capture's SPIs with the keys of a ring.
 * @param survey survey of the capture, decrypted with the same ring
 */
export function matchKeys(survey: Pick<SurveyReport, 'esp' | 'problems'>, ring: RingKeys): KeyMatchReport {
  const spis = survey.esp.map((row) => matchOf(row, ring));
  const nodes = nodesOf(spis);
  return {
    profile: ring.profile,
    ring: ring.keys,
    packets: spis.reduce((sum, row) => sum + row.packets, 0),
    opened: spis.reduce((sum, row) => sum + row.opened, 0),
    spis,
    nodes,
    problems: [
      ...problemsOf(spis, nodes),
      ...survey.problems.filter(({ code }) => code === 'TABLE_FULL').map((full) => ({ ...full, message: TABLE_FULL })),
    ],
  };
}

function matchOf(row: EspReport, ring: RingKeys): KeyMatch {
  const { spi, source, destination, inUdp, packets, opened, failed } = row;
  const key = ring.explain(Number(spi), source, destination) ?? null;
  return { spi, source, destination, inUdp, packets, opened, failed, key };
}

function nodesOf(spis: readonly KeyMatch[]): KeyMatchReport['nodes'] {
  // Rows are in the order of their first packets, so the last of a direction is the one in use. Rows without decrypted
  // packets don't count: they may be forged.
  const last = new Map<string, KeyMatch>();
  for (const row of spis) if (row.opened > 0) last.set(`${row.source} ${row.destination}`, row);
  const nodes = new Map<string, Map<number, TransmitKey>>();
  for (const { source, key } of last.values()) {
    if (key === null) continue;
    const { tag, role, rotations, fingerprint } = key;
    const known = nodes.get(source) ?? new Map<number, TransmitKey>();
    const peers = (known.get(tag)?.peers ?? 0) + 1;
    nodes.set(source, known.set(tag, { tag, role, rotations, fingerprint, peers }));
  }
  return [...nodes].map(([address, known]) => ({
    address,
    keys: [...known.values()].sort((a, b) => a.tag - b.tag),
  }));
}

function problemsOf(spis: readonly KeyMatch[], nodes: KeyMatchReport['nodes']): Problem[] {
  const problems: Problem[] = [];
  const warning = (code: string, count: number, message: string): void => {
    if (count > 0) problems.push({ code, severity: 'warning', count, message });
  };
  warning(
    'SPI_UNEXPLAINED',
    spis.filter(({ key }) => key === null).length,
    "SPIs that are not derived from this ring's tags: from another ring, for other addresses (NAT), or configured manually",
  );
  const matched = spis.filter(({ key }) => key !== null);
  warning(
    'KEY_ICV_WRONG',
    matched.reduce((sum, { failed }) => sum + (failed[WRONG_ICV] ?? 0), 0),
    'ESP packets whose ICV is wrong under the key of their SPI: another key with the same tag, or modified packets',
  );
  warning(
    'KEY_UNPROVEN',
    matched.filter(({ opened }) => opened === 0).length,
    'SPIs that match a tag but without a decrypted packet: the SPI alone proves little',
  );
  warning(
    'SPI_FORM_SHORT',
    matched.filter(({ key }) => key?.spiForm === 'short').length,
    'SPIs derived from 4-byte addresses: Docker 25.0.13 and 25.0.14, 28.2.2, 29.0.0 to 29.2.0, unknown to other versions',
  );
  warning(
    'NODE_LATE',
    nodes.filter(({ keys }) => keys.some(({ rotations }) => rotations < 0)).length,
    'nodes that transmit with a key before the middle one: they missed a rotation, or the ring is a newer one',
  );
  warning(
    'NODE_EARLY',
    nodes.filter(({ keys }) => keys.some(({ rotations }) => rotations > 0)).length,
    'nodes that transmit with a key after the middle one: they have already rotated, or the ring is an older one',
  );
  return problems;
}
