/** A device as a sink: sends each packet when it is due. */
import { once } from 'node:events';
import { type PacketSink, PcapWriter } from '../../capture/index.js';
import type { SentCounts } from './child-report.js';
import { DeviceProcess } from './device-process.js';
import type { Pace } from './pacer.js';

/** The result of an injection. */
export interface Injection extends SentCounts {
  /** Packets written but neither sent nor refused, because it was stopped or the device disappeared. */
  readonly unsent: number;
  /** Why it failed before everything was sent, if it did. */
  readonly failure: string | undefined;
}

const NONE: SentCounts = { packets: 0, bytes: 0, seconds: 0, worstLate: 0, refused: {} };

/** Sends Ethernet frames to a device. `write` and `flush` queue them, `room` waits for room in the queue. */
export class DeviceSink implements PacketSink {
  readonly #process: DeviceProcess;
  readonly #writer: PcapWriter;
  #counts = NONE;
  #queued = 0;
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
    // The writer reuses its buffer before the stream is done with it.
    this.#writer = new PcapWriter(
      (bytes) => {
        if (!this.#over) stdin.write(new Uint8Array(bytes));
      },
      { nanoseconds: true },
    );
    void this.#process.ended.then(() => (this.#over = true));
  }

  /**
   * Opens a device.
   * @param device its name, as `listDevices` gives it
   * @param pace how packets are paced
   * @throws LiveError `CAP_UNAVAILABLE`, `NO_SUCH_DEVICE`, `NOT_PERMITTED`, `DEVICE_UNUSABLE`, `DEVICE_GONE`
   */
  static async open(device: string, pace: Pace): Promise<DeviceSink> {
    const sink = new DeviceSink(device, pace);
    await sink.#process.open();
    return sink;
  }

  /** Counts so far. */
  get counts(): SentCounts {
    return this.#counts;
  }

  /** Whether sending has ended: the device disappeared, or `stop` was called. */
  get over(): boolean {
    return this.#over;
  }

  /** Queues a frame. Times have an arbitrary origin and must not decrease. */
  write(
    bytes: Uint8Array,
    offset: number,
    length: number,
    originalLength: number,
    seconds: number,
    nanoseconds: number,
  ): void {
    this.#queued++;
    this.#writer.write(bytes, offset, length, originalLength, seconds, nanoseconds);
  }

  flush(): void {
    this.#writer.flush();
  }

  /** Waits until the queued frames fit in the pipe. */
  async room(): Promise<void> {
    this.flush();
    const { stdin } = this.#process;
    if (this.#over || !stdin.writableNeedDrain) return;
    const aborted = new AbortController();
    const { signal } = aborted;
    await Promise.race([once(stdin, 'drain', { signal }).catch(() => undefined), this.#process.ended]);
    aborted.abort();
  }

  /** Stops sending. */
  stop(): void {
    this.#over = true;
    this.#process.terminate();
    this.#process.stdin.destroy();
    void this.#process.exited();
  }

  /** Waits until all queued frames are sent, or sending has ended. */
  async finish(): Promise<Injection> {
    const stopped = this.#over;
    if (!stopped) {
      this.flush();
      this.#process.stdin.end();
    }
    const end = await this.#process.ended;
    const refused = Object.values(this.#counts.refused).reduce((sum, count) => sum + count, 0);
    const failure = end.deviceGone
      ? 'the device disappeared or went down'
      : `the sending process exited (${end.words})`;
    return {
      ...this.#counts,
      unsent: this.#queued - this.#counts.packets - refused,
      failure: end.orderly ? undefined : failure,
    };
  }

  /** Releases the device. May be called at any time, and repeatedly. */
  async close(): Promise<void> {
    this.#over = true;
    this.#process.kill();
    await this.#process.ended;
  }
}
