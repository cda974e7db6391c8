/** Checks the part of a survey that another process sent. */
import { DROP_REASONS, type DecoderSums } from '../../dataplane/index.js';
import type { OrderPart } from '../capture-order.js';
import type { OutsidePackets } from '../flows/flow-accounting.js';
import type { SurveyStart } from '../survey.js';
import { espColumns, flowColumns, gossipColumns, heldPackets, secondsOrNone, series } from './check-columns.js';
import {
  checksums,
  encapsulations,
  endpoints,
  frameCounts,
  guesses,
  networks,
  sizes,
  traffic,
  tunnels,
  vnis,
} from './check-rows.js';
import { type FilePart, PART_VERSION } from './file-part.js';
import { PartError } from './part-error.js';
import { COUNT, NANOS, SECONDS } from './part-values.js';
import { endsAt, type RisingTimesPart } from './rising-times.js';
import { boolean, column, either, int, ints, list, object, ofLength, oneOf } from './shape.js';

const MAX_LINK_TYPES = 65_536;

const filePart = object<FilePart>({
  version: oneOf(PART_VERSION),
  packets: COUNT,
  inexact: boolean,
  withKeys: boolean,
  withGossip: boolean,
  withFlows: boolean,
  start: either(object<SurveyStart>({ seconds: SECONDS, nanoseconds: NANOS }), oneOf(undefined)),
  order: object<OrderPart>({
    linkTypes: list(int(0, 0x7fff_ffff), MAX_LINK_TYPES),
    firstSeconds: secondsOrNone,
    firstNanos: NANOS,
    lastSeconds: secondsOrNone,
    lastNanos: NANOS,
  }),
  times: object<RisingTimesPart>({ backwards: COUNT, steps: column(Uint8Array) }),
  decoder: object<DecoderSums>({
    packets: COUNT,
    frames: COUNT,
    framePackets: COUNT,
    espPackets: COUNT,
    openedPackets: COUNT,
    otherPackets: COUNT,
    policyPackets: COUNT,
    drops: ofLength(ints(Float64Array), DROP_REASONS),
  }),
  frames: frameCounts,
  networks,
  tunnels,
  endpoints,
  traffic,
  filtered: vnis,
  reserved: vnis,
  guesses,
  encapsulated: COUNT,
  encapsulations,
  wireSizes: sizes,
  innerSizes: sizes,
  checksums,
  series,
  held: heldPackets,
  esp: espColumns,
  gossip: gossipColumns,
  flows: flowColumns,
  outside: object<OutsidePackets>({ withoutIp: COUNT, unreadable: COUNT }),
});

/**
 * Checks the part of a survey: the type and range of every value, that columns fit each other, and that counts add up.
 * @throws PartError if it isn't a part of this version
 */
export function checkPart(value: unknown): FilePart {
  const wrong = filePart(value);
  if (wrong !== undefined) throw new PartError(`it${wrong}`);
  const part = value as FilePart;
  // It has nothing but its number of packets.
  if (part.inexact) return part;
  for (const [what, isRight] of Object.entries(RELATIONS)) if (!isRight(part)) throw new PartError(what);
  return part;
}

/** What must hold between the values of a part, by what is wrong otherwise. */
const RELATIONS: Readonly<Record<string, (part: FilePart) => boolean>> = {
  'its packets do not add up': ({ packets, decoder, held, filtered, wireSizes }) => {
    const { framePackets, espPackets, otherPackets, drops } = decoder;
    const counted = framePackets + espPackets + otherPackets + sum(drops) + sum(filtered.map((row) => row.packets));
    return (
      counted === decoder.packets &&
      counted + held.esp.length === packets &&
      wireSizes.packets === packets &&
      sum(wireSizes.counts) === packets
    );
  },
  'its frames do not add up': ({ networks: rows, innerSizes }) =>
    sum(rows.map((row) => row.frames)) === innerSizes.packets && sum(innerSizes.counts) === innerSizes.packets,
  'its times do not fit each other': ({ packets, order, times }) =>
    Number.isNaN(order.firstSeconds) === Number.isNaN(order.lastSeconds) &&
    endsAt(times, packets, order.lastSeconds, order.lastNanos),
  'its traffic over time has no beginning': ({ start, series: { used } }) => used === 0 || start !== undefined,
  'a packet that was held back has no place': ({ held, esp, gossip, flows }) =>
    last(held.esp) <= esp.direction.length &&
    last(held.gossip) <= gossip.stored.length &&
    last(held.flows) <= flows.stored.length,
  'a row of a table has no place': (part) =>
    [part.tunnels, part.endpoints, part.traffic, part.filtered, part.reserved, part.guesses, part.encapsulations].every(
      (rows) => (rows.at(-1)?.held ?? 0) <= part.held.esp.length,
    ),
};

function sum(counts: readonly number[] | Float64Array): number {
  let total = 0;
  for (const count of counts) total += count;
  return total;
}

function last(marks: Int32Array): number {
  return marks.at(-1) ?? 0;
}
