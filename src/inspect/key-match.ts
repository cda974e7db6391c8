/** Which keys of a ring a capture's SPIs are made of, proven by the ICVs of their packets, and who transmits with what. */
import { DropReason, dropReasonName } from '../dataplane/index.js';
import type { Profile } from '../overlay/index.js';
import type { EspReport, Problem, SurveyReport } from './report.js';
import type { RingKeyReport, RingKeys, SpiKeyReport } from './ring-key.js';

/** Rows of a table that is full are never made: what is counted is the packets that needed one. */
const NO_ROOM = 'packets that found no room in a table: SPIs may be missing from the list';
const WRONG_ICV = dropReasonName(DropReason.EspWrongIcv);

/** An SPI in one direction. */
export interface KeyMatch {
  /** `0x` and 8 hexadecimal digits. */
  readonly spi: string;
  readonly source: string;
  readonly destination: string;
  readonly inUdp: boolean;
  readonly packets: number;
  /** Packets whose ICV was right under the key. */
  readonly opened: number;
  /** Packets that were not opened, by reason. */
  readonly failed: Readonly<Record<string, number>>;
  /** The key whose tag gives the SPI; null if none does. */
  readonly key: SpiKeyReport | null;
}

/** The key that a node transmits with, to one peer or several. */
export interface TransmitKey extends RingKeyReport {
  /** Peers that it is sent to with this key. */
  readonly peers: number;
}

/** What a ring explains of a capture. No key stands in it. */
export interface KeyMatchReport {
  readonly profile: Profile;
  readonly ring: readonly RingKeyReport[];
  readonly packets: number;
  readonly opened: number;
  readonly spis: readonly KeyMatch[];
  /** Nodes by the keys that their packets were opened with, of each direction the last one. */
  readonly nodes: readonly { readonly address: string; readonly keys: readonly TransmitKey[] }[];
  readonly problems: readonly Problem[];
}

/**
 * Matches a capture's SPIs with the keys of a ring.
 * @param survey of the capture, its packets opened with the same ring
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
      ...survey.problems.filter(({ code }) => code === 'TABLE_FULL').map((full) => ({ ...full, message: NO_ROOM })),
    ],
  };
}

function matchOf(row: EspReport, ring: RingKeys): KeyMatch {
  const { spi, source, destination, inUdp, packets, opened, failed } = row;
  const key = ring.explain(Number(spi), source, destination) ?? null;
  return { spi, source, destination, inUdp, packets, opened, failed, key };
}

function nodesOf(spis: readonly KeyMatch[]): KeyMatchReport['nodes'] {
  // The rows are in the order of their first packets: the last of a direction is what is sent with now. One without an
  // opened packet may be forged.
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
    "SPIs that are not derived from this ring's tags: another ring's, of other addresses (NAT), or set by hand",
  );
  const matched = spis.filter(({ key }) => key !== null);
  warning(
    'KEY_ICV_WRONG',
    matched.reduce((sum, { failed }) => sum + (failed[WRONG_ICV] ?? 0), 0),
    'ESP packets whose ICV is wrong under the key that their SPI names: another key has its tag, or bytes were changed',
  );
  warning(
    'KEY_UNPROVEN',
    matched.filter(({ opened }) => opened === 0).length,
    'SPIs that a tag explains, and not one packet opened: the SPI alone proves little',
  );
  warning(
    'SPI_FORM_SHORT',
    matched.filter(({ key }) => key?.spiForm === 'short').length,
    'SPIs made of 4-byte addresses: Docker 25.0.13 and 25.0.14, 28.2.2, 29.0.0 to 29.2.0, which no other version can talk to',
  );
  warning(
    'NODE_LATE',
    nodes.filter(({ keys }) => keys.some(({ rotations }) => rotations < 0)).length,
    'nodes that transmit with a key before the middle one: they missed a rotation, or the ring is of a later one',
  );
  warning(
    'NODE_EARLY',
    nodes.filter(({ keys }) => keys.some(({ rotations }) => rotations > 0)).length,
    'nodes that transmit with a key behind the middle one: they rotated already, or the ring is of an earlier time',
  );
  return problems;
}
