/** A part comes from another process: whatever is wrong with it is found, and nothing in it does harm. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { deserialize, serialize } from 'node:v8';
import { Survey, type SurveyOptions } from '../../../src/inspect/index.js';
import { type FilePart, PartError, PartMerge, type SurveyStart } from '../../../src/inspect/internal.js';
import { checkPart } from '../../../src/inspect/parts/check-part.js';
import { IpProtocol, LinkType } from '../../../src/wire/index.js';
import { ethernet, udpIp, vxlan, FRAME } from '../../dataplane/build.js';
import { keysFor } from '../../doctor/capture/keys.js';
import { swarmKeys } from '../gossip/recorded.js';
import { type CapturedPacket, inOnePass, packetsOf, partOf } from './parted-survey.js';

const RECORDING = 'docker/07-encrypted.underlay.pcap';
/** Offset of the protocol in Ethernet and IPv4. */
const PROTOCOL_AT = 23;
const SUMMARY = { name: 'part', format: 'pcap', notes: [], damage: undefined } as const;
const OPTIONS = (): SurveyOptions => ({ ...keysFor(RECORDING), gossip: swarmKeys(), flows: true });

/** A property of a part: the object that has it, and its name. */
type Place = readonly (string | number)[];

let sound: FilePart;
let start: SurveyStart | undefined;
let expected: string;

function copy(): FilePart {
  return deserialize(serialize(sound)) as FilePart;
}

/** The report of a part alone; `PartError` if it is refused. */
function reportOf(part: unknown): string | PartError {
  try {
    // Most are refused here, before there is a survey.
    checkPart(part);
  } catch (error) {
    if (error instanceof PartError) return error;
    throw error;
  }
  const survey = new Survey(OPTIONS());
  if (start !== undefined) survey.begin(start);
  const merge = new PartMerge(survey);
  try {
    merge.add(part);
  } catch (error) {
    if (error instanceof PartError) return error;
    throw error;
  }
  const report = JSON.stringify(survey.report(SUMMARY));
  return merge.isExact ? report : 'inexact';
}

/** Every property, of lists and columns only the first and the last. */
function placesIn(value: unknown, place: Place = []): Place[] {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return [];
  const keys = Array.isArray(value)
    ? [...new Set([0, value.length - 1])].filter((key) => key in value)
    : Object.keys(value);
  return keys.flatMap((key) => {
    const inside = [...place, key];
    return [inside, ...placesIn((value as Record<string, unknown>)[key], inside)];
  });
}

function ownerOf(part: FilePart, place: Place): Record<string | number, unknown> {
  return place.slice(0, -1).reduce<unknown>((owner, key) => (owner as Record<string, unknown>)[key], part) as Record<
    string | number,
    unknown
  >;
}

function valueAt(place: Place): unknown {
  return ownerOf(sound, place)[place[place.length - 1]];
}

type Change = (value: unknown) => unknown;

const DELETED = Symbol('deleted');
const CHANGES: Readonly<Record<string, Change>> = {
  deleted: () => DELETED,
  null: () => null,
  text: () => 'a text\u0007',
  'a long text': () => 'x'.repeat(100_000),
  'an object': () => ({}),
  'a huge list': () => new Array<undefined>(2 ** 31),
  negative: () => -1,
  huge: () => 1e300,
  'not whole': () => 0.5,
  NaN: () => Number.NaN,
  'a big integer': () => 5n,
};

/** Numbers that may be negative. */
const SIGNED = /^series\.(?:first|networks\.\d+\.vni)$/;

/** What a part may lack: then it says something else, and nothing wrong. */
const OPTIONAL = /^endpoints\.\d+\.(?:ip|firstVtep)$/;

function changed(place: Place, change: Change): FilePart {
  const part = copy();
  const owner = ownerOf(part, place);
  const key = place[place.length - 1];
  const value = change(owner[key]);
  if (value === DELETED) Reflect.deleteProperty(owner, key);
  else owner[key] = value;
  return part;
}

describe('a part', () => {
  before(async () => {
    const recorded = await packetsOf(RECORDING);
    const sealed = recorded.filter(({ bytes }) => bytes[PROTOCOL_AT] === IpProtocol.Esp);
    const packets = [...recorded.slice(0, 60), ...sealed.slice(0, 20), ...(await others())];
    const one = inOnePass([packets], OPTIONS());
    start = one.start;
    sound = partOf(packets, OPTIONS(), start);
    for (const columns of [sound.held.packets, sound.gossip, sound.flows]) assert.ok(columns.stored.length > 0);
    for (const rows of [
      sound.tunnels,
      sound.endpoints,
      sound.traffic,
      sound.reserved,
      sound.guesses,
      sound.encapsulations,
    ])
      assert.ok(rows.length > 0);
    assert.ok(sound.esp.direction.length > 0 && sound.series.used > 0);
    const report = reportOf(sound);
    assert.ok(typeof report === 'string');
    expected = report;
    const { report: whole } = one;
    assert.deepEqual(JSON.parse(expected), { ...JSON.parse(JSON.stringify(whole)), file: 'part', files: ['part'] });
  });

  for (const [name, change] of Object.entries(CHANGES)) {
    test(`is refused if a value is ${name}`, () => {
      const sensible = name === 'negative' ? SIGNED : name === 'deleted' ? OPTIONAL : undefined;
      const places = placesIn(sound).filter((place) => sensible?.test(place.join('.')) !== true);
      assert.ok(places.length > 150);
      for (const place of places) {
        // What is changed to itself, or to what has the same properties.
        const result = reportOf(changed(place, change));
        assert.ok(result instanceof PartError || result === expected, `${place.join('.')} as ${name}`);
      }
    });
  }

  test('is refused if a column has another type or length', () => {
    for (const place of placesIn(sound)) {
      const column = valueAt(place);
      if (!ArrayBuffer.isView(column)) continue;
      const values = column as Uint8Array;
      const kind = values.constructor as new (values: Iterable<number>) => Uint8Array;
      const others: Record<string, unknown> = {
        'another type': Float32Array.from(values),
        'a list': [...values],
        'a view': new DataView(values.buffer),
        longer: new kind([...values, 0]),
        empty: new kind([]),
      };
      if (values.length > 0) others['shorter'] = values.slice(1);
      for (const [name, other] of Object.entries(others)) {
        const result = reportOf(changed(place, () => other));
        assert.ok(result instanceof PartError || result === expected, `${place.join('.')} ${name}`);
      }
    }
  });

  test('does no harm if values of its columns are changed', () => {
    let refused = 0;
    for (const place of placesIn(sound)) {
      const column = valueAt(place);
      if (!ArrayBuffer.isView(column)) continue;
      const length = (column as Uint8Array).length;
      if (length === 0) continue;
      for (const value of [-1, 2 ** 31 - 1, Number.NaN]) {
        const part = changed(place, (values) => {
          (values as Uint8Array)[length - 1] = value;
          return values;
        });
        if (reportOf(part) instanceof PartError) refused++;
      }
    }
    assert.ok(refused > 30, `${refused}`);
  });

  test('does no harm if bytes of its packets are changed', () => {
    let seed = 1;
    const below = (limit: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return (seed >>> 8) % limit;
    };
    for (let round = 0; round < 30; round++) {
      const part = copy();
      for (const { bytes } of [part.held.packets, part.gossip, part.flows]) {
        for (let i = 0; i < 1 + (round % 20); i++) bytes[below(bytes.length)] = below(256);
      }
      reportOf(part);
    }
  });

  test('is refused if it is no object, or of another version', () => {
    const values = [undefined, null, 5, 'part', [], {}, new Uint8Array(5), new Map(), { ...sound, version: 2 }];
    for (const value of values) assert.ok(reportOf(value) instanceof PartError);
  });

  test('is refused if packets that were captured are missing, in a packet whose headers say that they are there', () => {
    const part = copy();
    const { bytes, stored } = part.flows;
    // Options that reach beyond what is kept.
    bytes[stored[0] - 8] |= 0xf0;
    const { captured } = part.flows;
    captured[0] = 1 << 20;
    const result = reportOf(part);
    assert.ok(result instanceof PartError || typeof result === 'string');
    const last = copy();
    last.flows.captured.fill(1 << 30);
    last.flows.limit.fill(1 << 30);
    last.flows.bytes.fill(0x60);
    assert.ok(reportOf(last) instanceof PartError);
  });
});

/** Packets of what the recording doesn't have: reserved bits, another port, other encapsulations, fragments. */
async function others(): Promise<CapturedPacket[]> {
  const seconds = 1_900_000_000;
  const made = [
    udpIp(4, 4789, vxlan(7, FRAME, 9)),
    udpIp(4, 8472, vxlan(7, FRAME)),
    gre(udpIp(4, 4789, vxlan(7, FRAME))),
  ];
  const fragments = await packetsOf('vxlan/30-outerfrag-1500-icmp.underlay.pcap');
  return [
    ...made.map((packet, i): CapturedPacket => {
      const bytes = ethernet(packet, 0x0800);
      return { bytes, originalLength: bytes.length, linkType: LinkType.Ethernet, seconds, nanoseconds: i };
    }),
    ...fragments.slice(0, 30).map((packet, i) => ({ ...packet, seconds: seconds + 1, nanoseconds: i })),
  ];
}

function gre(packet: Uint8Array): Uint8Array {
  const bytes = Buffer.concat([packet.subarray(0, 20), Uint8Array.of(0, 0, 8, 0), packet]);
  bytes[9] = 47;
  bytes.writeUInt16BE(bytes.length, 2);
  return bytes;
}
