/** The port to an endpoint: source and sink of its frames. */
import type { PacketBatch } from '../../memory/index.js';

/** Counters of a port. */
export interface FramePortCounters {
  /** Frames received from the endpoint, and frames sent to it. */
  readonly received: number;
  readonly sent: number;
  /** Frames that could not be delivered. */
  readonly refused: number;
  /** Refused frames by reason, if the port reports it: the kernel's drop reason or the name of an error. */
  readonly refusedBy?: Readonly<Record<string, number>>;
}

/** An endpoint's interface. */
export interface FramePort {
  /** Display name for reports. */
  readonly name: string;
  /** File descriptor to poll for frames; -1 if they arrive without polling. */
  readonly descriptor: number;
  readonly counters: FramePortCounters;
  /** Reason the port failed, if it has. */
  readonly failure: string | undefined;
  /**
   * Whether the port has buffered frames that poll(2) does not report.
   * @default false
   */
  readonly pending?: boolean;
  /**
   * Whether `send` takes frames that are yet to be segmented.
   * @default false
   */
  readonly takesLarge?: boolean;
  /**
   * Appends waiting frames to a batch until it is full or none are left.
   * @param network index of the endpoint's network, set on each frame
   * @param large whether frames may be yet to be segmented (`PacketBatch.segment`)
   * @returns number of frames appended
   */
  receive(batch: PacketBatch, network: number, large: boolean): number;
  /**
   * Sends a frame. Until `flush`, the port owns the bytes and may overwrite them.
   * @param segment payload in bytes per segment of a frame that is yet to be segmented (`takesLarge`); 0 for any other,
   * and for one whose sender left that to its NIC, which no socket reports: one longer than the endpoint's MTU
   */
  send(bytes: Uint8Array, start: number, end: number, segment: number): void;
  /** Sends the frames that `send` held back for coalescing. The caller owns the bytes again. */
  flush(): void;
  /** Releases the interface. Frames sent to it afterwards count as refused. */
  close(): void;
}
