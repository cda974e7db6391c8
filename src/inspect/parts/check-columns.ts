/** Checks the columns of a part: what was recorded of packets. */
import { DROP_REASONS } from '../../dataplane/index.js';
import { SERIES_INTERVALS, type SeriesNetwork, type SeriesPart } from '../flows/traffic-series.js';
import { type EspColumns, type EspDirection, EspFlag } from './esp-records.js';
import type { HeldPackets } from './file-part.js';
import type { PacketColumns } from './packet-records.js';
import { column, either, int, ints, list, object, oneOf, ofLength, type Shape, boolean } from './shape.js';
import { ipAddress, MAX_ROWS, MAX_VNI, NANOSECONDS, SECONDS } from './part-values.js';

/** Cap on lengths, as in a `CaptureBatch`. */
const MAX_LENGTH = 1 << 30;
const MAX_INT = 0x7fff_ffff;
const WORD = 0xffff_ffff;
const LENGTHS = ints(Int32Array, 0, MAX_LENGTH);
const WORDS = column(Int32Array);
const NANOSECOND_COLUMN = ints(Int32Array, 0, NANOSECONDS);
/** Bits of all flags of ESP. */
const ESP_FLAGS = EspFlag.HasIv | EspFlag.Opened | EspFlag.Dropped;
/** Networks of a series; VNIs below 0 stand for what has none. */
const MAX_SERIES = 1024;
const LEAST_VNI = -3;
/** The widest interval, in milliseconds, and the number of intervals from the start to any time there is. */
const MAX_WIDTH = 2 ** 40;
const MAX_INTERVAL = 2 ** 46;

/** Times of packets: NaN where there is none. */
const times: Shape = (value) => {
  if (!(value instanceof Float64Array)) return ' is not of the type Float64Array';
  for (let i = 0; i < value.length; i++) {
    if (!Number.isNaN(value[i]) && SECONDS(value[i]) !== undefined) return ' has a value that is no time';
  }
  return undefined;
};

function packetColumns(tag: Shape): Shape {
  const columns = object<PacketColumns>({
    bytes: column(Uint8Array),
    stored: LENGTHS,
    captured: LENGTHS,
    limit: LENGTHS,
    length: LENGTHS,
    tag,
    seconds: times,
    nanoseconds: NANOSECOND_COLUMN,
  });
  return (value) => columns(value) ?? packetsFit(value as PacketColumns);
}

function packetsFit({
  bytes,
  stored,
  captured,
  limit,
  length,
  tag,
  seconds,
  nanoseconds,
}: PacketColumns): string | undefined {
  const count = stored.length;
  if ([captured, limit, length, tag, seconds, nanoseconds].some((each) => each.length !== count))
    return ' has columns of different lengths';
  let size = 0;
  for (let i = 0; i < count; i++) {
    if (stored[i] > captured[i]) return ' has more bytes of a packet than were captured';
    size += stored[i];
  }
  return size === bytes.length ? undefined : ' has not the bytes of its packets';
}

/** Packets of gossip. */
export const gossipColumns = packetColumns(ints(Int32Array, 0, 0));
/** Packets of conversations. */
export const flowColumns = packetColumns(ints(Int32Array, -1, MAX_VNI));

const wholePackets = packetColumns(ints(Int32Array, 0, MAX_INT));

/** Packets that were held back. */
export const heldPackets: Shape = (value) =>
  heldColumns(value) ?? (areWhole(value as HeldPackets) ? undefined : ' has columns that do not fit its packets');

const MARKS = ints(Int32Array, 0, MAX_INT);
const heldColumns = object<HeldPackets>({ packets: wholePackets, esp: MARKS, gossip: MARKS, flows: MARKS });

function areWhole({ packets, esp, gossip, flows }: HeldPackets): boolean {
  const { stored, captured, limit, length } = packets;
  const count = stored.length;
  if ([esp, gossip, flows].some((marks) => marks.length !== count || !isRising(marks))) return false;
  for (let i = 0; i < count; i++) {
    if (stored[i] !== captured[i] || limit[i] !== length[i] || captured[i] > limit[i]) return false;
  }
  return true;
}

/** Whether no value is below the one before it. */
export function isRising(values: Int32Array): boolean {
  for (let i = 1; i < values.length; i++) if (values[i] < values[i - 1]) return false;
  return true;
}

const espDirection = object<EspDirection>({
  spi: int(0, WORD),
  source: ipAddress,
  destination: ipAddress,
  inUdp: boolean,
});

const espObject = object<EspColumns>({
  directions: list(espDirection, MAX_ROWS),
  direction: MARKS,
  sequence: WORDS,
  sequenceHigh: ints(Float64Array, 0, WORD),
  ivHigh: WORDS,
  ivLow: WORDS,
  icvEnd: WORDS,
  afterIv: WORDS,
  size: LENGTHS,
  flags: ints(Uint8Array, 0, ESP_FLAGS),
  reason: ints(Uint8Array, 0, DROP_REASONS - 1),
});

/** Packets of ESP. */
export const espColumns: Shape = (value) => espObject(value) ?? espFits(value as EspColumns);

function espFits(columns: EspColumns): string | undefined {
  const { directions, direction, sequence, sequenceHigh, ivHigh, ivLow, icvEnd, afterIv, size, flags, reason } =
    columns;
  const count = direction.length;
  const others = [sequence, sequenceHigh, ivHigh, ivLow, icvEnd, afterIv, size, flags, reason];
  if (others.some((each) => each.length !== count)) return ' has columns of different lengths';
  for (let i = 0; i < count; i++) if (direction[i] >= directions.length) return ' has a packet of no direction';
  const isMixed = directions.some(({ source, destination }) => source.includes(':') !== destination.includes(':'));
  return isMixed ? ' has a direction between IPv4 and IPv6' : undefined;
}

const intervals = ofLength(ints(Float64Array), SERIES_INTERVALS);

const seriesObject = object<SeriesPart>({
  widthMs: (value) =>
    int(1, MAX_WIDTH)(value) ?? (Number.isInteger(Math.log2(value as number)) ? undefined : ' is no power of 2'),
  first: int(-MAX_INTERVAL, MAX_INTERVAL),
  used: int(0, SERIES_INTERVALS),
  networks: list(
    object<SeriesNetwork>({ vni: int(LEAST_VNI, MAX_VNI), bytes: intervals, packets: intervals }),
    MAX_SERIES,
  ),
});

/** Traffic over time. */
export const series: Shape = (value) => seriesObject(value);

/** What a survey has of the times of all packets: none, or the earliest and the latest. */
export const secondsOrNone = either(SECONDS, oneOf(Number.NaN));
