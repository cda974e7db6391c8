/** The frames of an overlay's capture, for programs. What decodes them is loaded at the first frame. */
import type { CaptureInput, PacketSource } from '../capture/index.js';
import type { UnderlayDecoderOptions } from '../dataplane/index.js';
import type { DroppedPacket, Frame } from './frame.js';
import { FrameStream } from './frame-stream.js';
import type { KeysInput } from './keys-input.js';

/** How a capture of an overlay is read. */
export interface OverlayOptions extends Omit<UnderlayDecoderOptions, 'esp'> {
  /** Decrypts ESP. Without keys, encrypted packets give no frames and are counted in `counts.esp`. */
  readonly keys?: KeysInput | undefined;
  /**
   * Name of the cipher: `ipsec-mb`, `openssl` or `node`. Default: the fastest that works
   */
  readonly aead?: string | undefined;
  /**
   * Whether a capture that ends early, or is damaged, just ends: `damage` says why. Otherwise the error is thrown after
   * the last frame before it.
   * @default false
   */
  readonly allowDamage?: boolean | undefined;
}

/**
 * Reads the frames of an overlay's capture: takes them out of VXLAN, after reassembling and decrypting the packets that
 * carry them. The capture is opened when the loop begins, and closed when it ends, however it ends; streams that are
 * passed in stay open. Reading yields to the event loop every few milliseconds. A capture without VXLAN gives no frames
 * (`counts` says what it has): read it with `openFrames`.
 * @param input path, `file:` URL, bytes, Blob, stream, or a source of packets such as a live device; `sourceOf`
 * turns packets into one
 * @param options `{ drops: true }` also gives packets that were dropped, with their `dropReason`
 * @returns an async iterable, with counts of what was read; each loop over it reads the input again
 * @throws the loop throws FramesError `KEYS_UNUSABLE`, CaptureError, AeadError, VtepError `BAD_OPTION`
 * @example
 * import { openOverlay } from 'vtep';
 *
 * for await (const frame of openOverlay('wire.pcap', { keys: 'swarm-keys.txt' })) {
 *   console.log(frame.time, frame.vni, frame.inner.source, frame.inner.destination, frame.length);
 * }
 */
export function openOverlay(
  input: CaptureInput | PacketSource,
  options: OverlayOptions & { readonly drops: true },
): FrameStream<Frame | DroppedPacket>;
export function openOverlay(
  input: CaptureInput | PacketSource,
  options?: OverlayOptions & { readonly drops?: false | undefined },
): FrameStream;
export function openOverlay(
  input: CaptureInput | PacketSource,
  options: OverlayOptions & { readonly drops?: boolean | undefined } = {},
): FrameStream<Frame | DroppedPacket> {
  const { keys, aead, allowDamage = false, drops = false, ...decoding } = options;
  return new FrameStream(input, allowDamage, async () => {
    const { OverlayDecoding } = await import('./overlay-decoding.js');
    if (keys === undefined) return new OverlayDecoding(decoding, drops);
    const { openKeys } = await import('./keys-input.js');
    const opened = await openKeys(keys, aead);
    return new OverlayDecoding(decoding, drops, opened);
  });
}

/** How a plain capture is read. */
export type FramesOptions = Pick<OverlayOptions, 'allowDamage'>;

/**
 * Reads the packets of any capture as they are, without taking anything out of VXLAN: a capture of containers, or what
 * `vtep decap` wrote. `inner` has the headers; `vni` and `outer` are undefined. Otherwise like `openOverlay`.
 * @throws the loop throws CaptureError
 * @example
 * import { openFrames } from 'vtep';
 *
 * for await (const frame of openFrames('container.pcap')) console.log(frame.inner.source, frame.inner.protocol);
 */
export function openFrames(input: CaptureInput | PacketSource, options: FramesOptions = {}): FrameStream {
  return new FrameStream(input, options.allowDamage ?? false, async () => {
    const { PlainFrames } = await import('./plain-frames.js');
    return new PlainFrames();
  });
}
