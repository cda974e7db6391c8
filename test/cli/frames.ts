/** Frames of a capture as text, to be counted and compared. */
import { openCaptureFile } from '../../src/capture/index.js';

/** A frame: its bytes in hexadecimal, and its time. */
export interface Frame {
  readonly hex: string;
  readonly seconds: number;
  readonly nanoseconds: number;
  readonly interfaceName: string | undefined;
}

/** All frames of a capture. */
export async function framesOf(path: string): Promise<Frame[]> {
  const source = await openCaptureFile(path);
  const frames: Frame[] = [];
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
    for (let i = 0; i < batch.count; i++) {
      const from = batch.offset[i];
      frames.push({
        hex: Buffer.from(batch.bytes.subarray(from, from + batch.capturedLength[i])).toString('hex'),
        seconds: batch.seconds[i],
        nanoseconds: batch.nanoseconds[i],
        interfaceName: source.interfaces[batch.interfaceId[i]].name,
      });
    }
  }
  await source.close();
  return frames;
}

/** How often each frame stands in a list. */
export function countOf(frames: readonly Frame[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { hex } of frames) counts.set(hex, (counts.get(hex) ?? 0) + 1);
  return counts;
}
