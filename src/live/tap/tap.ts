/** TAP devices: container interfaces whose other end is this process. */
import { lastErrno } from '../../foreign/index.js';
import type { PacketBatch } from '../../memory/index.js';
import type { FramePort, FramePortCounters } from '../port/frame-port.js';
import { closeDescriptor, Errno, errnoName } from '../system/linux.js';
import { Refusals } from '../port/refusals.js';
import { type OpenTap, openTap, tapName, type TapOptions } from './tap-opening.js';
import { TapReader } from './tap-reader.js';
import { TapWriter } from './tap-writer.js';

/** A TAP device. It disappears when closed, unless it is persistent (`ip tuntap add`). */
export class TapDevice implements FramePort {
  readonly name: string;
  readonly descriptor: number;
  readonly takesLarge = true;
  /** Whether this process keeps the device's namespace alive. True for a pre-existing device. */
  readonly holdsNamespace: boolean;
  failure: string | undefined;
  readonly #reader: TapReader;
  readonly #writer: TapWriter;
  readonly #sentAfterClose = new Refusals();
  #open = true;

  readonly #close: (descriptors: readonly number[]) => void;
  #others: readonly number[];

  /**
   * Creates and configures the device.
   * @param opened a device already created with these options
   * @param close closes its descriptors
   * @throws LiveError `SYSTEM_UNAVAILABLE`, `NOT_PERMITTED`, `NOT_THERE`, `BAD_NODE` for an invalid name, `SYSTEM_CALL`
   */
  constructor(
    options: TapOptions,
    opened: OpenTap = openTap(options),
    close: (descriptors: readonly number[]) => void = closeAll,
  ) {
    this.name = tapName(options);
    this.descriptor = opened.descriptor;
    this.#others = opened.others ?? [];
    this.holdsNamespace = opened.holdsNamespace;
    this.#close = close;
    this.#reader = new TapReader(this.descriptor);
    this.#writer = new TapWriter(this.descriptor, { partial: options.partialChecksums ?? false, mtu: options.mtu });
  }

  get counters(): FramePortCounters {
    const { received, refusals } = this.#reader;
    const { sent, refusals: notWritten } = this.#writer;
    const sentAfterClose = this.#sentAfterClose;
    const refused = refusals.total + notWritten.total + sentAfterClose.total;
    return { received, sent, refused, refusedBy: refusals.byName(notWritten, sentAfterClose) };
  }

  /** Descriptors of its other queues (`TapOptions.queues`), which this port doesn't serve. */
  get others(): readonly number[] {
    return this.#others;
  }

  get pending(): boolean {
    return this.#reader.pending;
  }

  receive(batch: PacketBatch, network: number, large = false): number {
    if (!this.#open) return 0;
    const count = this.#reader.receive(batch, network, large);
    if (count >= 0) return count;
    this.#noteFailure();
    return 0;
  }

  send(bytes: Uint8Array, start: number, end: number, segment = 0): void {
    if (this.#open) this.#writer.send(bytes, start, end, segment);
    // The kernel's name for a device that is not up.
    else this.#sentAfterClose.add('DEV_READY');
  }

  flush(): void {
    if (this.#open) this.#writer.flush();
  }

  /** Closes the other queues: from then on, this one gets all flows. */
  closeOthers(): void {
    const others = this.#others;
    this.#others = [];
    if (this.#open && others.length > 0) this.#close(others);
  }

  /** Closes the device, which disappears unless it is persistent. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#close([this.descriptor, ...this.#others]);
  }

  #noteFailure(): void {
    const errno = lastErrno();
    if (errno === Errno.Again || errno === Errno.Interrupted) return;
    // EBADFD: the device or its namespace was deleted. EIO: it isn't up, which may change.
    if (errno === Errno.BadDescriptorState) this.failure = `the device ${this.name} is gone (${errnoName(errno)})`;
  }
}

function closeAll(descriptors: readonly number[]): void {
  descriptors.forEach(closeDescriptor);
}
