/** Splits captures at packet boundaries, as rotation does: every part has the file's header and the interfaces. */

/** Number of packets in a capture that is whole. */
export function packetsIn(capture: Uint8Array): number {
  return blocksOf(Buffer.from(capture)).filter(({ isPacket }) => isPacket).length;
}

/**
 * Splits a capture.
 * @param capture pcap or pcapng, whole
 * @param cuts numbers of packets before each part but the first, ascending
 */
export function splitCapture(capture: Uint8Array, cuts: readonly number[]): Buffer[] {
  const parts: Buffer[][] = [[]];
  let header: Buffer[] = [];
  let packets = 0;
  let next = 0;
  for (const { bytes, isPacket, beginsSection } of blocksOf(Buffer.from(capture))) {
    if (beginsSection) header = [];
    if (!isPacket) header.push(bytes);
    else {
      for (; next < cuts.length && cuts[next] <= packets; next++) parts.push([...header]);
      packets++;
    }
    parts[parts.length - 1].push(bytes);
  }
  for (; next < cuts.length; next++) parts.push([...header]);
  return parts.map((part) => Buffer.concat(part));
}

interface Block {
  readonly bytes: Buffer;
  readonly isPacket: boolean;
  readonly beginsSection: boolean;
}

const SECTION = 0x0a0d0d0a;
/** Block types of packets: obsolete, simple, enhanced. */
const PACKETS: readonly number[] = [2, 3, 6];
const PCAP_HEADER = 24;
const PCAP_RECORD = 16;
/** Kuznetzov's format has longer records. */
const MODIFIED = [0x34cdb2a1, 0xa1b2cd34];
const MODIFIED_RECORD = 24;

function blocksOf(capture: Buffer): Block[] {
  const blocks: Block[] = [];
  if (capture.readUInt32BE(0) !== SECTION) {
    const isLittle = capture[3] === 0xa1;
    const record = MODIFIED.includes(capture.readUInt32BE(0)) ? MODIFIED_RECORD : PCAP_RECORD;
    blocks.push({ bytes: capture.subarray(0, PCAP_HEADER), isPacket: false, beginsSection: true });
    for (let at = PCAP_HEADER; at < capture.length;) {
      const length = isLittle ? capture.readUInt32LE(at + 8) : capture.readUInt32BE(at + 8);
      const end = at + record + length;
      blocks.push({ bytes: capture.subarray(at, end), isPacket: true, beginsSection: false });
      at = end;
    }
    return blocks;
  }
  let isLittle = true;
  for (let at = 0; at < capture.length;) {
    const beginsSection = capture.readUInt32BE(at) === SECTION;
    if (beginsSection) isLittle = capture.readUInt32BE(at + 8) === 0x4d3c2b1a;
    const word = (offset: number): number => (isLittle ? capture.readUInt32LE(offset) : capture.readUInt32BE(offset));
    const end = at + word(at + 4);
    blocks.push({ bytes: capture.subarray(at, end), isPacket: PACKETS.includes(word(at)), beginsSection });
    at = end;
  }
  return blocks;
}

/** Numbers of packets at which to split a capture into parts, from a seed: some parts may be empty. */
export function seededCuts(packets: number, parts: number, seed: number): number[] {
  let state = seed >>> 0;
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return Array.from({ length: parts - 1 }, () => Math.floor(random() * (packets + 1))).sort((a, b) => a - b);
}
