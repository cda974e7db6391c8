/** The port to an endpoint: where its frames come from and go to. */
import type { PacketBatch } from '../memory/index.js';

/** What went through a port, and what did not. */
export interface FramePortCounters {
  /** Frames of the endpoint, and frames for it. */
  readonly received: number;
  readonly sent: number;
  /** Frames that could not be handed over. */
  readonly refused: number;
  /** The refused frames by reason, where the port tells: the kernel's drop reason or the name of an error. */
  readonly refusedBy?: Readonly<Record<string, number>>;
}

/** An endpoint's interface. */
export interface FramePort {
  /** What it is, for reports. */
  readonly name: string;
  /** File descriptor that can be polled for frames; -1 where they come by themselves. */
  readonly descriptor: number;
  readonly counters: FramePortCounters;
  /** Why it is of no use any more, once that is so. */
  readonly failure: string | undefined;
  /** Whether it holds frames that it has taken in already, of which polling tells nothing; false if not said. */
  readonly pending?: boolean;
  /**
   * Puts frames that wait into a batch until it is full or none waits.
   * @param network the endpoint's, which the frames get
   * @returns how many there were
   */
  receive(batch: PacketBatch, network: number): number;
  /**
   * Hands a frame over. Its bytes are the port's until `flush`: they may be written over.
   * @param bytes with 10 bytes before `start` that may be written over, too
   */
  send(bytes: Uint8Array, start: number, end: number): void;
  /** Hands over what `send` held back, to go together; bytes are the caller's again. */
  flush(): void;
  /** Lets the interface go; what is sent to it then is counted as refused. */
  close(): void;
}
