/** The chains that are measured, each over a whole capture. They return a sum, so that nothing can be left out. */
import { openCaptureFile } from '../src/capture/index.js';
import { Ingress, Verdict } from '../src/dataplane/index.js';
import { checkVxlan, Fault, Layers, VXLAN_PORT, VXLAN_SPAN } from '../src/wire/index.js';

/** What a pass over a capture found. */
export interface Pass {
  readonly packets: number;
  readonly bytes: number;
  /** Sum of the inner destination addresses' last bytes: the same for everyone who decodes as far. */
  readonly check: number;
}

const OK = Fault.None;
const PORT = VXLAN_PORT;
const HEADER = VXLAN_SPAN;

/** Records alone: where they are, how long, and when. */
export async function readRecords(path: string): Promise<Pass> {
  const source = await openCaptureFile(path);
  let packets = 0;
  let check = 0;
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
    for (let i = 0; i < batch.count; i++) check += batch.capturedLength[i];
    packets += batch.count;
  }
  await source.close();
  return { packets, bytes: source.position, check };
}

/** Headers from Ethernet to the inner IP and its transport's ports, every length checked. */
export async function decodeToInnerIp(path: string, shortCut = true): Promise<Pass> {
  const source = await openCaptureFile(path);
  const outer = new Layers();
  const inner = new Layers();
  let packets = 0;
  let check = 0;
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
    const { bytes, count, offset, capturedLength } = batch;
    for (let i = 0; i < count; i++) {
      const at = offset[i];
      const end = at + capturedLength[i];
      const fault = shortCut ? outer.walkEthernet(bytes, at, end, end) : outer.walkAnyEthernet(bytes, at, end, end);
      if (fault !== OK || outer.destinationPort !== PORT) continue;
      const { payloadOffset, payloadEnd } = outer;
      if (checkVxlan(bytes, payloadOffset, payloadEnd) !== OK) continue;
      const frame = payloadOffset + HEADER;
      const innerFault = shortCut
        ? inner.walkEthernet(bytes, frame, payloadEnd, payloadEnd)
        : inner.walkAnyEthernet(bytes, frame, payloadEnd, payloadEnd);
      if (innerFault === OK) check += bytes[inner.addressOffset + 7];
    }
    packets += count;
  }
  await source.close();
  return { packets, bytes: source.position, check };
}

/** The receiving side of a VTEP, as decap and inspect use it, and the inner headers. */
export async function ingress(path: string): Promise<Pass> {
  const source = await openCaptureFile(path);
  const receiver = new Ingress();
  const inner = new Layers();
  let packets = 0;
  let check = 0;
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
    for (let i = 0; i < batch.count; i++) {
      const at = batch.offset[i];
      const end = at + batch.capturedLength[i];
      const limit = at + batch.originalLength[i];
      const verdict = receiver.receive(batch.linkType[i], batch.bytes, at, end, limit, batch.seconds[i]);
      if (verdict !== Verdict.Frame) continue;
      const fault = inner.walkEthernet(receiver.outerBytes, receiver.frameOffset, receiver.frameEnd);
      if (fault === OK) check += receiver.outerBytes[inner.addressOffset + 7];
    }
    packets += batch.count;
  }
  await source.close();
  return { packets, bytes: source.position, check };
}
