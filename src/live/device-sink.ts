/** A device that packets are sent to, each when it is due. */
import { once } from 'node:events';
import { type PacketSink, PcapWriter } from '../capture/index.js';
import type { SentCounts } from './child-report.js';
import { DeviceProcess } from './device-process.js';
import type { Pace } from './pacer.js';

/** What an injection came to. */
export interface Injection extends SentCounts {
  /** Packets that were handed over and neither sent nor refused: it was stopped, or the device went. */
  readonly unsent: number;
  /** Why it ended before all was sent, if it did so by itself. */
  readonly failure: string | undefined;
}

const NONE: SentCounts = { packets: 0, bytes: 0, seconds: 0, worstLate: 0, refused: {} };

/** Sends Ethernet frames to a device. `write` and `flush` hand them over, `room` waits until there is room for more. */
export class DeviceSink implements PacketSink {
  readonly #process: DeviceProcess;
  readonly #writer: PcapWriter;
  #counts = NONE;
  #handed = 0;
  #over = false;

  private constructor(device: string, pace: Pace) {
    this.#process = new DeviceProcess(
      new URL('./inject-process.js', import.meta.url),
      device,
      { device, pace },
      (report) => {
        if (report.kind === 'sent') this.#counts = report.counts;
      },
    );
    const { stdin } = this.#process;
    // The writer uses its buffer again, the stream later.
    this.#writer = new PcapWriter(
      (bytes) => {
        if (!this.#over) stdin.write(bytes.slice());
      },
      { nanoseconds: true },
    );
    void this.#process.ended.then(() => (this.#over = true));
  }

  /**
   * Opens a device.
   * @param device its name, as `listDevices` gives it
   * @param pace when each packet goes
   * @throws LiveError `CAP_UNAVAILABLE`, `NO_SUCH_DEVICE`, `NOT_PERMITTED`, `DEVICE_UNUSABLE`, `DEVICE_GONE`
   */
  static async open(device: string, pace: Pace): Promise<DeviceSink> {
    const sink = new DeviceSink(device, pace);
    await sink.#process.open();
    return sink;
  }

  /** What was sent so far. */
  get counts(): SentCounts {
    return this.#counts;
  }

  /** Whether nothing is sent any more: the device went away, or `stop` was called. */
  get over(): boolean {
    return this.#over;
  }

  /** Hands over a frame. Its time is since any moment; no earlier than that of the frame before it. */
  write(
    bytes: Uint8Array,
    offset: number,
    length: number,
    originalLength: number,
    seconds: number,
    nanoseconds: number,
  ): void {
    this.#handed++;
    this.#writer.write(bytes, offset, length, originalLength, seconds, nanoseconds);
  }

  flush(): void {
    this.#writer.flush();
  }

  /** Waits until what was handed over needs no more memory than a pipe's. */
  async room(): Promise<void> {
    this.flush();
    const { stdin } = this.#process;
    if (this.#over || !stdin.writableNeedDrain) return;
    const aborted = new AbortController();
    const { signal } = aborted;
    await Promise.race([once(stdin, 'drain', { signal }).catch(() => undefined), this.#process.ended]);
    aborted.abort();
  }

  /** Sends nothing more. */
  stop(): void {
    this.#over = true;
    this.#process.terminate();
    this.#process.stdin.destroy();
    void this.#process.soon();
  }

  /** Waits until all that was handed over is sent, or nothing more will be. */
  async finish(): Promise<Injection> {
    const stopped = this.#over;
    if (!stopped) {
      this.flush();
      this.#process.stdin.end();
    }
    const end = await this.#process.ended;
    const refused = Object.values(this.#counts.refused).reduce((sum, count) => sum + count, 0);
    const failure = end.deviceGone ? 'the device went away or down' : `the sending process ended (${end.words})`;
    return {
      ...this.#counts,
      unsent: this.#handed - this.#counts.packets - refused,
      failure: end.orderly ? undefined : failure,
    };
  }

  /** Gives up the device. May be called at any time, and more than once. */
  async close(): Promise<void> {
    this.#over = true;
    this.#process.kill();
    await this.#process.ended;
  }
}
