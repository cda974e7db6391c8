/** A device as a source of packets. */
import {
  type CaptureBatch,
  CaptureError,
  type CaptureInterface,
  type CaptureNote,
  openCapture,
  type PacketSource,
  StreamReader,
} from '../../capture/index.js';
import { SNAP_LENGTH } from './cap-handle.js';
import type { CaptureOrder } from './child-report.js';
import { DeviceProcess } from './device-process.js';
import { LiveError } from '../error.js';

/** Maximum length of a filter in characters. */
const MAX_FILTER = 16_384;

/** Options for capturing from a device. */
export interface DeviceSourceOptions {
  /**
   * libpcap filters, in order of preference: the first that libpcap accepts for the device is used. `overlayFilter`
   * makes one. Default: all packets.
   */
  readonly filters?: readonly string[];
  /**
   * Size of the kernel's buffer in bytes, less than 2 GiB. The kernel drops and counts packets that don't fit. Each
   * packet takes a slot of 128 KiB, or of the MTU on devices without offloads.
   * @default 67108864 (64 MiB)
   */
  readonly bufferBytes?: number;
}

/**
 * Captures the packets of a device in promiscuous mode. Each has the time when it was read from the kernel, since the
 * cap package provides no other. Packets longer than 65,535 bytes are truncated.
 */
export class DeviceSource implements PacketSource {
  readonly format = 'live';
  readonly size = undefined;
  damage: CaptureError | undefined;
  readonly #device: string;
  readonly #process: DeviceProcess;
  #source: PacketSource | undefined;
  #drops: number | undefined;
  #longest = 0;
  #closed = false;

  private constructor(order: CaptureOrder) {
    this.#device = order.device;
    this.#process = new DeviceProcess(
      new URL('./capture-process.js', import.meta.url),
      order.device,
      order,
      (report) => {
        if (report.kind === 'drops') this.#drops = report.drops ?? undefined;
      },
    );
  }

  /**
   * Opens a device.
   * @param device its name, as `listDevices` gives it
   * @throws LiveError `CAP_UNAVAILABLE`, `NO_SUCH_DEVICE`, `NOT_PERMITTED`, `BAD_FILTER`, `DEVICE_UNUSABLE`,
   * `DEVICE_GONE`
   */
  static async open(device: string, options: DeviceSourceOptions = {}): Promise<DeviceSource> {
    const { filters = [''], bufferBytes = 1 << 26 } = options;
    if (filters.some(({ length }) => length > MAX_FILTER)) {
      throw new LiveError('BAD_FILTER', `a filter may have at most ${MAX_FILTER} characters`);
    }
    const [filter = '', ...others] = filters;
    const source = new DeviceSource({ device, filter, bufferBytes });
    try {
      await source.#process.open();
    } catch (error) {
      // libpcap rejects a filter with VLANs on a device that can't have them.
      const another = others.length > 0 && error instanceof LiveError && error.code === 'BAD_FILTER';
      if (another) return DeviceSource.open(device, { ...options, filters: others });
      throw error;
    }
    source.#source = await openCapture(new StreamReader(source.#process.stdout, device));
    return source;
  }

  get name(): string {
    return this.#device;
  }

  get interfaces(): readonly CaptureInterface[] {
    return (this.#source?.interfaces ?? []).map((one) => ({ ...one, name: this.#device, snapLength: SNAP_LENGTH }));
  }

  get notes(): readonly CaptureNote[] {
    const notes = this.#source?.notes ?? [];
    const truncated = { message: `packets truncated to ${SNAP_LENGTH} bytes`, count: this.#longest };
    return this.#longest === 0 ? notes : [...notes, truncated];
  }

  get position(): number {
    return this.#source?.position ?? 0;
  }

  /**
   * Packets that the kernel dropped because they weren't read in time, as of half a second ago; complete after the end.
   * Undefined if unknown: not on Linux, or without the koffi package.
   */
  get kernelDrops(): number | undefined {
    return this.#drops;
  }

  async next(): Promise<CaptureBatch | undefined> {
    const batch = await this.#source?.next();
    if (batch === undefined) {
      await this.#end();
      return undefined;
    }
    for (let i = 0; i < batch.count; i++) if (batch.capturedLength[i] === SNAP_LENGTH) this.#longest++;
    return batch;
  }

  /** Stops the capture; `next` still returns packets read before. May be called at any time, and repeatedly. */
  stop(): void {
    this.#process.stdin.end();
    void this.#process.exited();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#process.kill();
    await this.#source?.close();
    this.#process.stdout.destroy();
    await this.#process.ended;
  }

  async #end(): Promise<void> {
    const end = await this.#process.exited();
    if (end.orderly || this.#closed) return;
    const why = end.deviceGone ? 'the device disappeared or went down' : `the capturing process exited (${end.words})`;
    this.damage ??= new CaptureError('DEVICE_GONE', `the capture ended early: ${why}`);
  }
}
