/** Segments frames that are yet to be segmented, for ports that don't take them: load balancers, proxies, captures. */
import { Segmenter } from '../../fragment/index.js';
import { viewOf } from '../../memory/internal.js';
import { HeaderError, IpProtocol, Layers, onesSum, pseudoHeaderSum, TCP_CHECKSUM } from '../../wire/index.js';
import type { FramePort } from '../port/frame-port.js';

/** Room for the segments of one frame, with their headers; if it is not enough, the port must send some first. */
const BYTES = 128 << 10;

/** Sends large frames in segments. */
export class LargeFrames {
  readonly #layers = new Layers();
  readonly #segmenter = new Segmenter();
  /** Made with the first large frame. */
  #memory: Uint8Array | undefined;

  /**
   * Sends a frame to a port in segments, and flushes the port.
   * @param segment as `FramePort.send`
   * @param mtu of the frame's endpoint, in bytes
   * @returns false if it isn't to be segmented; nothing was sent then
   */
  send(port: FramePort, bytes: Uint8Array, start: number, end: number, segment: number, mtu: number): boolean {
    const layers = this.#layers;
    if (layers.walkEthernet(bytes, start, end) !== HeaderError.None) return false;
    const isTcp = layers.protocol === IpProtocol.Tcp;
    const size = segment > 0 ? segment : mtu - (layers.payloadOffset - layers.networkOffset);
    // Only what the kernel leaves to a NIC: anything else just came from a network with a larger MTU.
    if (segment === 0) {
      if (!isTcp || layers.networkEnd - layers.networkOffset <= mtu || !isIntact(bytes, layers)) return false;
    }
    const segmenter = this.#segmenter;
    if (!segmenter.begin(bytes, start, end, size)) return false;
    const memory = (this.#memory ??= new Uint8Array(BYTES));
    const { frameBytes } = segmenter;
    let at = 0;
    while (segmenter.pending) {
      if (at + frameBytes > memory.length) {
        port.flush();
        at = 0;
      }
      const length = segmenter.next(memory, at);
      port.send(memory, at, at + length, 0);
      at += length;
    }
    port.flush();
    return true;
  }
}

/** Whether a TCP frame's checksum is partial or valid: segments get new ones, which must not hide a wrong one. */
function isIntact(
  bytes: Uint8Array,
  { family, addressOffset, transportOffset, networkEnd, isFragment }: Layers,
): boolean {
  if (isFragment) return false;
  const pseudo = pseudoHeaderSum(family, bytes, addressOffset, IpProtocol.Tcp, networkEnd - transportOffset);
  if (viewOf(bytes).getUint16(transportOffset + TCP_CHECKSUM) === pseudo) return true;
  return onesSum(bytes, transportOffset, networkEnd, pseudo) === 0xffff;
}
