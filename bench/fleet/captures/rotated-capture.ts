/**
 * A capture as a capturing program rotates it: recordings one after the other, again and again with their times continued, in
 * files whose boundaries cut fragments, connections and the sequence of SPIs in two.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../../test/repository.js';

/**
 * A swarm's gossip and ESP; HTTP and pings in clear, the latter in fragments, some of them out of order, repeated or lost; ESP in
 * fragments; ESP with pings and HTTP. All are Ethernet, in microseconds. The containers of those in clear are the same ones.
 */
const RECORDINGS = [
  'docker/07-encrypted',
  'vxlan/03-http-200k',
  'vxlan/30-outerfrag-1500-icmp',
  'esp/16-vxlan-frag-reorder-dup-loss',
  'esp/09-esp-frag-1500',
  'esp/01-esp-docker-aes128-icv64',
];
const FILE_HEADER = 24;
const RECORD_HEADER = 16;
const ETHERNET = 14;
const MORE_FRAGMENTS = 0x2000;
/** Of so many boundaries, one is moved to where it cuts a fragmented packet in two. */
const FRAGMENT_EVERY = 2;

/** What was made. */
export interface RotatedCapture {
  readonly paths: readonly string[];
  readonly bytes: number;
  readonly packets: number;
  /** Boundaries between the fragments of a packet. */
  readonly fragmentCuts: number;
}

interface Packet {
  readonly bytes: Buffer;
  /** Since the beginning of the recordings, in microseconds. */
  readonly time: number;
  /** Whether fragments of the same packet follow. */
  readonly isFragment: boolean;
}

/** Makes such a capture of at least so many bytes, in so many files of a folder. */
export function rotatedCapture(folder: string, bytes: number, files: number): RotatedCapture {
  const header = Buffer.from(readFileSync(recording(RECORDINGS[0])).subarray(0, FILE_HEADER));
  const { packets: cycle, start, duration } = recordedCycle();
  const share = bytes / files;
  const paths: string[] = [];
  let [descriptor, written, packets, fragmentCuts] = [-1, 0, 0, 0];
  let cutsNext = false;
  const batch: Buffer[] = [];
  const flush = (): void => {
    if (descriptor >= 0) writeSync(descriptor, Buffer.concat(batch.splice(0)));
  };
  for (let round = 0; written < bytes; round++) {
    for (const { bytes: record, time, isFragment } of cycle) {
      const isDue = written >= share * paths.length && paths.length < files;
      const wants = paths.length % FRAGMENT_EVERY === 1;
      const isOverdue = written >= share * (paths.length + 0.9);
      if (isDue && (!wants || cutsNext || isOverdue)) {
        if (descriptor >= 0) {
          flush();
          closeSync(descriptor);
        }
        if (cutsNext) fragmentCuts++;
        const path = join(folder, `wire_${String(paths.length).padStart(5, '0')}.pcap`);
        descriptor = openSync(path, 'w');
        paths.push(path);
        batch.push(header);
      }
      const copy = Buffer.from(record);
      const at = start + round * duration + time;
      copy.writeUInt32LE(Math.floor(at / 1e6), 0);
      copy.writeUInt32LE(at % 1e6, 4);
      batch.push(copy);
      written += copy.length;
      packets++;
      cutsNext = isFragment;
    }
    flush();
  }
  closeSync(descriptor);
  return { paths, bytes: written, packets, fragmentCuts };
}

function recordedCycle(): { readonly packets: readonly Packet[]; readonly start: number; readonly duration: number } {
  const packets: Packet[] = [];
  let start: number | undefined;
  let end = 0;
  for (const name of RECORDINGS) {
    const file = readFileSync(recording(name));
    let before: number | undefined;
    for (let at = FILE_HEADER; at < file.length;) {
      const length = RECORD_HEADER + file.readUInt32LE(at + 8);
      const bytes = file.subarray(at, at + length);
      const time = bytes.readUInt32LE(0) * 1e6 + bytes.readUInt32LE(4);
      start ??= time;
      // The next recording begins a millisecond after this one.
      end += before === undefined ? 1000 : time - before;
      before = time;
      packets.push({ bytes, time: end, isFragment: hasMoreFragments(bytes.subarray(RECORD_HEADER)) });
      at += length;
    }
  }
  return { packets, start: start ?? 0, duration: end };
}

function hasMoreFragments(frame: Buffer): boolean {
  if (frame.length < ETHERNET + 20 || frame.readUInt16BE(ETHERNET - 2) !== 0x0800) return false;
  return (frame.readUInt16BE(ETHERNET + 6) & MORE_FRAGMENTS) !== 0;
}

function recording(name: string): string {
  return join(ROOT, 'fixtures', `${name}.underlay.pcap`);
}
