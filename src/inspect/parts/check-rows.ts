/** Checks the rows of a part: what was counted of its packets. */
import { CHECKSUM_NAMES, type ChecksumRow } from '../checksum-table.js';
import type { NetworkRow } from '../network-table.js';
import type { FrameCounts, SizePart, TunnelPart } from '../shares/survey-part.js';
import { SIZE_BOUNDS } from '../size-table.js';
import type { TrafficRow } from '../traffic-table.js';
import type { EncapsulationRow, EndpointPart, GuessRow, Placed, VniRow } from './file-part.js';
import { COUNT, ipAddress, macAddress, MAX_ROWS, MAX_VNI, name, PORT, VNI } from './part-values.js';
import { either, type Fields, int, ints, list, object, ofLength, oneOf, type Shape } from './shape.js';

/** Kinds of other traffic, encapsulations, and VNIs that are counted separately. */
const MAX_KINDS = 1024;
const MAX_ENCAPSULATION = 8;
const MAX_VNIS = 64;
const MAX_PORTS = 256;

/** Rows whose place is known. */
function placed<T extends object>(fields: Fields<T>, most: number): Shape {
  const rows = list(object<Placed<T>>({ ...fields, held: int() } as Fields<Placed<T>>), most);
  return (value) => rows(value) ?? (areInOrder(value as readonly Placed<T>[]) ? undefined : ' is not in order');
}

function areInOrder(rows: readonly { readonly held: number }[]): boolean {
  return rows.every(({ held }, i) => i === 0 || rows[i - 1].held <= held);
}

export const networks = list(
  object<NetworkRow>({ vni: VNI, frames: COUNT, bytes: COUNT, truncated: COUNT, encrypted: COUNT }),
  MAX_ROWS,
);

export const tunnels = placed<TunnelPart>(
  {
    source: ipAddress,
    destination: ipAddress,
    frames: COUNT,
    bytes: COUNT,
    espPackets: COUNT,
    espBytes: COUNT,
    vnis: list(VNI, MAX_VNI + 1),
  },
  MAX_ROWS,
);

const orNone = (shape: Shape): Shape => either(shape, oneOf(undefined));

const endpointRows = placed<EndpointPart>(
  {
    vni: VNI,
    mac: macAddress,
    ip: orNone(ipAddress),
    vtep: ipAddress,
    firstVtep: orNone(ipAddress),
    moves: COUNT,
    sentFrames: COUNT,
    sentBytes: COUNT,
    receivedFrames: COUNT,
    receivedBytes: COUNT,
  },
  MAX_ROWS,
);

export const endpoints: Shape = (value) =>
  endpointRows(value) ??
  ((value as readonly EndpointPart[]).every(({ moves, firstVtep }) => moves > 0 === (firstVtep !== undefined))
    ? undefined
    : ' has an endpoint that moved from nowhere');

export const traffic = placed<TrafficRow>({ name, packets: COUNT, bytes: COUNT }, MAX_KINDS);
export const vnis = placed<VniRow>({ vni: VNI, packets: COUNT }, MAX_VNIS);
export const guesses = placed<GuessRow>({ port: PORT, vni: VNI, packets: COUNT }, MAX_PORTS * MAX_VNIS);
export const encapsulations = placed<EncapsulationRow>({ kind: int(1, MAX_ENCAPSULATION) }, MAX_ENCAPSULATION);

export const sizes = object<SizePart>({
  counts: ofLength(ints(Float64Array), SIZE_BOUNDS.length + 1),
  packets: COUNT,
  bytes: COUNT,
  // Of no packets.
  smallest: either(COUNT, oneOf(Number.POSITIVE_INFINITY)),
  largest: COUNT,
});

const checksumRows = list(
  object<ChecksumRow>({ name: oneOf(...CHECKSUM_NAMES), good: COUNT, absent: COUNT, partial: COUNT, bad: COUNT }),
  CHECKSUM_NAMES.length,
);

/** All kinds in their order, or none if checksums aren't verified. */
export const checksums: Shape = (value) => {
  const wrong = checksumRows(value);
  if (wrong !== undefined) return wrong;
  const rows = value as readonly ChecksumRow[];
  const areAll = rows.length === CHECKSUM_NAMES.length && rows.every((row, kind) => row.name === CHECKSUM_NAMES[kind]);
  return rows.length === 0 || areAll ? undefined : ' are not all kinds';
};

export const frameCounts = object<FrameCounts>({
  innerFragments: COUNT,
  innerFaults: COUNT,
  badSources: COUNT,
  arpFrames: COUNT,
  superFrames: COUNT,
  unsetLengths: COUNT,
});
