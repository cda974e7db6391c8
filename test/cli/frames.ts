/** Frames of a capture as text, for counting and comparing. */
import assert from 'node:assert/strict';
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

/** How often each frame occurs in a list. */
export function countOf(frames: readonly Pick<Frame, 'hex'>[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { hex } of frames) counts.set(hex, (counts.get(hex) ?? 0) + 1);
  return counts;
}

/**
 * Compares frames with what two containers saw while the frames crossed: they must include every frame that both saw,
 * byte for byte, and no frame that neither saw.
 */
export function assertCrossed(
  frames: readonly Pick<Frame, 'hex'>[],
  one: readonly Frame[],
  two: readonly Frame[],
): void {
  const got = countOf(frames);
  const [ofOne, ofTwo] = [countOf(one), countOf(two)];
  for (const [hex, count] of got) {
    const seen = Math.max(ofOne.get(hex) ?? 0, ofTwo.get(hex) ?? 0);
    assert.ok(seen > 0, `a frame is in neither container's file: ${hex}`);
    assert.ok(count <= seen, `a frame comes ${count} times, ${seen} crossed: ${hex}`);
  }
  for (const [hex, count] of ofOne) {
    const crossed = Math.min(count, ofTwo.get(hex) ?? 0);
    assert.ok((got.get(hex) ?? 0) >= crossed, `a frame that crossed is missing: ${hex}`);
  }
}
