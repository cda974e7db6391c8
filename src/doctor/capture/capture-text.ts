/** Evidence from captures as text: counts, times, directions, with the packets that show them. */
import type { CaptureEvidence, Occurrence } from '../evidence/capture.js';
import type { Evidence } from '../evidence/evidence.js';
import type { Place } from '../evidence/place.js';
import { secondsText } from '../../text/quantity.js';
import type { Exhibit } from '../finding.js';
import type { CaptureMatch } from './capture-match.js';

/** Places that an exhibit has, at most. */
const MAX_PLACES = 5;

/** A number with its noun: `1 packet`, `12,345 packets`. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? noun : plural}`;
}

/** A time in UTC, to the millisecond: `2026-11-21 04:22:00.123`. */
export function timeText(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? `${seconds} s` : date.toISOString().slice(0, -1).replace('T', ' ');
}

/** A capture by its file: `wire.pcap`, or `ring_00001.pcap and 2 more files`. */
export function captureName({ file, files = [] }: CaptureEvidence): string {
  return files.length < 2 ? file : `${file} and ${counted(files.length - 1, 'more file')}`;
}

/** The packets that show something. */
export function placesOf(capture: CaptureEvidence, { packets }: Pick<Occurrence, 'packets'>): readonly Place[] {
  return packets.slice(0, MAX_PLACES).map((packet) => placeOf(capture, packet));
}

/** Of a capture in several files, the file that a packet is in, and its number there. */
function placeOf({ file, files = [] }: CaptureEvidence, packet: number): Place {
  let before = 0;
  for (const { name, packets } of files) {
    if (packet <= before + packets) return { file: name, packet: packet - before };
    before += packets;
  }
  return { file, packet };
}

/**
 * An exhibit of what happened in a capture: the text, when it happened first, and the packets.
 * @param text without a full stop
 */
export function shown(capture: CaptureEvidence, occurrence: Occurrence, text: string): Exhibit {
  const { firstSeconds, count } = occurrence;
  const time =
    firstSeconds === undefined ? '' : `, ${count > 1 ? 'the first at' : 'at'} ${timeText(firstSeconds)} (UTC)`;
  return { text: `${text}${time}`, places: placesOf(capture, occurrence) };
}

/** An address with its node's name, if the inputs tell it: `node1 (192.168.50.1)`. */
export function nodeText({ nodes }: Evidence, address: string): string {
  const node = nodes.find(({ name, addresses }) => name !== '' && addresses.includes(address));
  return node === undefined ? address : `${node.name} (${address})`;
}

/** A network with its name, if the inputs tell it: `network my-net (VNI 4097)`. */
export function networkText({ nodes }: Evidence, vni: number): string {
  for (const { networks } of nodes) {
    const network = networks.find(({ vnis }) => vnis.includes(vni));
    if (network !== undefined) return `network ${network.name} (VNI ${vni})`;
  }
  return `VNI ${vni}`;
}

/** Seconds from the first to the last; 0 if there are no times. */
export function durationOf({ firstSeconds, lastSeconds }: Occurrence): number {
  return firstSeconds === undefined || lastSeconds === undefined ? 0 : lastSeconds - firstSeconds;
}

/** A share in per cent: `100 %`, `3.2 %`, `0.01 %`. */
export function shareText(part: number, whole: number): string {
  const percent = whole === 0 ? 0 : (100 * part) / whole;
  if (percent === 0 || percent >= 99.95) return `${percent.toFixed(0)} %`;
  return `${percent >= 0.1 ? percent.toFixed(1) : percent.toPrecision(1)} %`;
}

/** What two captures have in common, and how their clocks differ. */
export function secondsDifference({ overlap, clockOffset }: CaptureMatch): string {
  const clocks =
    clockOffset === undefined
      ? 'no packet tells how their clocks differ'
      : `their clocks differ by ${secondsText(Math.abs(clockOffset))}`;
  return `both captures cover ${secondsText(overlap)}; ${clocks}`;
}
