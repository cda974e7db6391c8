/**
 * The measured decoding passes, each over a whole capture. They return a sum, so that no work can be optimized away.
 */
import { createReadStream } from 'node:fs';
import { openPcapStream } from '../native-free/pcap-parser-source.js';
import { type CaptureBatch, openCaptureFile, type PacketSource } from '../src/capture/index.js';
import { UnderlayDecoder, Verdict } from '../src/dataplane/index.js';
import { checkVxlan, HeaderError, Layers, VXLAN_PORT, VXLAN_HEADER_LEN } from '../src/wire/index.js';

/** The result of a pass over a capture. */
export interface Pass {
  readonly packets: number;
  readonly bytes: number;
  /** Sum of the inner destination addresses' last bytes: the same for every decoder that reaches them. */
  readonly check: number;
}

/** Reads only the records: their offsets, lengths and times. */
export async function readRecords(path: string): Promise<Pass> {
  return countRecords(await openCaptureFile(path));
}

/** Reads only the records, with vtep/native-free. */
export async function readRecordsByPcapParser(path: string): Promise<Pass> {
  return countRecords(await openPcapStream(createReadStream(path, { highWaterMark: 1 << 20 })));
}

async function countRecords(source: PacketSource): Promise<Pass> {
  let packets = 0;
  let check = 0;
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
    for (let i = 0; i < batch.count; i++) check += batch.capturedLength[i];
    packets += batch.count;
  }
  await source.close();
  return { packets, bytes: source.position, check };
}

/** Reads a capture and decodes each batch. */
async function eachBatch(path: string, decode: (batch: CaptureBatch) => number): Promise<Pass> {
  const source = await openCaptureFile(path);
  let packets = 0;
  let check = 0;
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
    check += decode(batch);
    packets += batch.count;
  }
  await source.close();
  return { packets, bytes: source.position, check };
}

const outer = new Layers();
const inner = new Layers();

/** Decodes Ethernet, IP and UDP of the outer packet. */
export function decodeOuter(path: string): Promise<Pass> {
  return eachBatch(path, outerOf);
}

function outerOf({ bytes, count, offset, capturedLength, originalLength }: CaptureBatch): number {
  let check = 0;
  for (let i = 0; i < count; i++) {
    const at = offset[i];
    if (outer.walkEthernet(bytes, at, at + capturedLength[i], at + originalLength[i]) !== HeaderError.None) continue;
    if (outer.family === 4) check += bytes[outer.addressOffset + 7];
  }
  return check;
}

/** Decodes the headers from Ethernet to the inner IP and its transport's ports, checking every length. */
export function decodeToInnerIp(path: string, fastPath = true): Promise<Pass> {
  return eachBatch(path, fastPath ? innerOf : slowInnerOf);
}

/** A function of its own, as in any program: V8 compiles the loop of an asynchronous one less well. */
function innerOf(batch: CaptureBatch): number {
  return decodeInner(batch, batch.count);
}

function decodeInner({ bytes, offset, capturedLength, originalLength }: CaptureBatch, count: number): number {
  let check = 0;
  for (let i = 0; i < count; i++) {
    const at = offset[i];
    const end = at + capturedLength[i];
    if (outer.walkEthernet(bytes, at, end, at + originalLength[i]) !== HeaderError.None) continue;
    if (outer.destinationPort !== VXLAN_PORT) continue;
    const { payloadOffset, payloadEnd } = outer;
    const captured = Math.min(end, payloadEnd);
    if (checkVxlan(bytes, payloadOffset, captured) !== HeaderError.None) continue;
    const innerError = inner.walkEthernet(bytes, payloadOffset + VXLAN_HEADER_LEN, captured, payloadEnd);
    if (innerError === HeaderError.None && inner.family === 4) check += bytes[inner.addressOffset + 7];
  }
  return check;
}

function slowInnerOf({ bytes, count, offset, capturedLength, originalLength }: CaptureBatch): number {
  let check = 0;
  for (let i = 0; i < count; i++) {
    const at = offset[i];
    const end = at + capturedLength[i];
    if (outer.walkAnyEthernet(bytes, at, end, at + originalLength[i]) !== HeaderError.None) continue;
    if (outer.destinationPort !== VXLAN_PORT) continue;
    const { payloadOffset, payloadEnd } = outer;
    const captured = Math.min(end, payloadEnd);
    if (checkVxlan(bytes, payloadOffset, captured) !== HeaderError.None) continue;
    const innerError = inner.walkAnyEthernet(bytes, payloadOffset + VXLAN_HEADER_LEN, captured, payloadEnd);
    if (innerError === HeaderError.None && inner.family === 4) check += bytes[inner.addressOffset + 7];
  }
  return check;
}

/** Number of packets that `decodeInMemory` loops over. */
export const MEMORY_PACKETS = 125;

/** Decodes the same headers as `decodeToInnerIp`, for a few packets in memory: decoding without reading. */
export async function decodeInMemory(path: string, packets: number): Promise<Pass> {
  const source = await openCaptureFile(path);
  const batch = await source.next();
  if (batch === undefined || batch.count < MEMORY_PACKETS) throw new Error(`${path} holds too few packets`);
  let check = 0;
  for (let n = 0; n < packets; n += MEMORY_PACKETS) check += decodeInner(batch, MEMORY_PACKETS);
  let bytes = 0;
  for (let i = 0; i < MEMORY_PACKETS; i++) bytes += batch.capturedLength[i];
  await source.close();
  return { packets, bytes: (bytes * packets) / MEMORY_PACKETS, check };
}

/** The receiving side of a VTEP, as decap and inspect use it, and the inner headers. */
export async function decodeOverlay(path: string): Promise<Pass> {
  const source = await openCaptureFile(path);
  const receiver = new UnderlayDecoder();
  let packets = 0;
  let check = 0;
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
    for (let i = 0; i < batch.count; i++) {
      const at = batch.offset[i];
      const end = at + batch.capturedLength[i];
      const limit = at + batch.originalLength[i];
      const verdict = receiver.receive(batch.linkType[i], batch.bytes, at, end, limit, batch.seconds[i]);
      if (verdict !== Verdict.Frame) continue;
      const headerError = inner.walkEthernet(receiver.outerBytes, receiver.frameOffset, receiver.frameEnd);
      if (headerError === HeaderError.None && inner.family === 4) check += receiver.outerBytes[inner.addressOffset + 7];
    }
    packets += batch.count;
  }
  await source.close();
  return { packets, bytes: source.position, check };
}
