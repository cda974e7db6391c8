/** A device as a source of packets. */
import {
  type CaptureBatch,
  CaptureError,
  type CaptureInterface,
  type CaptureNote,
  openCapture,
  type PacketSource,
  StreamReader,
} from '../capture/index.js';
import { SNAP_LENGTH } from './cap-handle.js';
import type { CaptureOrder } from './child-report.js';
import { DeviceProcess } from './device-process.js';
import { LiveError } from './error.js';

/** Characters of a filter at the most. */
const MAX_FILTER = 16_384;

/** How a device is captured from. */
export interface DeviceSourceOptions {
  /**
   * Filters of libpcap, of which the first is taken that libpcap can use with the device; all packets if not said.
   * `overlayFilter` makes one.
   */
  readonly filters?: readonly string[];
  /**
   * Bytes that the kernel holds of packets that weren't taken yet, less than 2 GiB; 64 MiB. What doesn't fit it drops, and
   * counts. libpcap hands cap's packets over in slots of 128 KiB each, but of devices without offloads as long as their MTU.
   */
  readonly bufferBytes?: number;
}

/**
 * Packets of a device, from now on, in promiscuous mode. Each bears the time at which it was taken from the kernel, since
 * the package cap hands on no other; packets of more than 65,535 bytes are cut.
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
      throw new LiveError('BAD_FILTER', `a filter of more than ${MAX_FILTER} characters isn't taken`);
    }
    const [filter = '', ...others] = filters;
    const source = new DeviceSource({ device, filter, bufferBytes });
    try {
      await source.#process.open();
    } catch (error) {
      // A filter that names VLANs can't be used where there are none.
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
    const cut = { message: `packets of ${SNAP_LENGTH} bytes, which were longer and are cut`, count: this.#longest };
    return this.#longest === 0 ? notes : [...notes, cut];
  }

  get position(): number {
    return this.#source?.position ?? 0;
  }

  /**
   * Packets that the kernel dropped because they weren't taken in time, up to half a second ago, all of them after the end.
   * Undefined where that can't be known: not on Linux, or without the package koffi.
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

  /** Ends the capture; `next` still gives what was taken before. May be called at any time, and more than once. */
  stop(): void {
    this.#process.stdin.end();
    void this.#process.soon();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#process.kill();
    await this.#source?.close();
    this.#process.stdout.destroy();
    await this.#process.ended;
  }

  async #end(): Promise<void> {
    const end = await this.#process.soon();
    if (end.orderly || this.#closed) return;
    const why = end.deviceGone ? 'it went away or down' : `the process that captured from it ended (${end.words})`;
    this.damage ??= new CaptureError('DEVICE_GONE', `the capture ended before it was to: ${why}`);
  }
}
