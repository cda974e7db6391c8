/**
 * Sends packets to a device in a separate process: reads them as pcap from standard input, and sends each when it is
 * due. It reports counts before every turn of the event loop, since cap aborts the process in the turn after the device
 * disappears.
 */
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { linkTypeName } from '../../capture/portable.js';
import { LinkType } from '../../wire/index.js';
import { openCaptureFile } from '../../capture/index.js';
import { openDevice, type OpenDevice } from './cap-handle.js';
import { report } from './child-report.js';
import { LiveError } from '../error.js';
import { type Pace, Pacer } from './pacer.js';

/** Parameters of the injecting child. */
export interface InjectOrder {
  readonly device: string;
  readonly pace: Pace;
}

/** A filter that no Ethernet frame passes, since received packets are not needed. */
const NOTHING = 'less 1';
const BUFFER_BYTES = 1 << 16;
/** Timers may be this late; the rest of a wait is a busy loop. */
const TIMER_MS = 1.5;
/** Maximum time between turns of the event loop. */
const TURN_MS = 5;
/** Error messages beyond this number are counted together. */
const MAX_KINDS = 16;

/** Sends packets and counts them. */
class Sender {
  readonly #open: OpenDevice;
  readonly #pacer: Pacer;
  readonly #refused = new Map<string, number>();
  #packets = 0;
  #bytes = 0;
  #first = Number.NaN;
  #last = 0;
  #due = 0;
  #changed = true;
  #turned = performance.now();

  constructor(open: OpenDevice, pace: Pace) {
    this.#open = open;
    this.#pacer = new Pacer(pace);
  }

  /**
   * Schedules the next packet.
   * @returns a promise to await before `send`; undefined if there is no need to wait
   */
  next(seconds: number, nanoseconds: number, bytes: number): Promise<void> | undefined {
    const now = performance.now();
    this.#due = this.#pacer.due(now, seconds, nanoseconds, bytes);
    const wait = this.#due - now;
    return wait > TIMER_MS || now - this.#turned > TURN_MS ? this.#turn(wait) : undefined;
  }

  /** Sends the packet when it is due. */
  send(packet: Uint8Array): void {
    let now = performance.now();
    while (now < this.#due) now = performance.now();
    this.#pacer.went(now);
    // The time it was due: a late first packet would inflate the measured rate.
    if (Number.isNaN(this.#first)) this.#first = this.#due;
    this.#last = now;
    this.#changed = true;
    try {
      this.#open.device.send(packet);
      this.#packets++;
      this.#bytes += packet.length;
    } catch (error) {
      const message = (error as Error).message.replace(/^send: /, '');
      const known = this.#refused.has(message) || this.#refused.size < MAX_KINDS;
      const kind = known ? message : 'other reasons';
      this.#refused.set(kind, (this.#refused.get(kind) ?? 0) + 1);
    }
  }

  /** Reports the counts. */
  report(): void {
    if (!this.#changed) return;
    this.#changed = false;
    report({
      kind: 'sent',
      counts: {
        packets: this.#packets,
        bytes: this.#bytes,
        seconds: Number.isNaN(this.#first) ? 0 : (this.#last - this.#first) / 1000,
        worstLate: this.#pacer.worstMs / 1000,
        refused: Object.fromEntries(this.#refused),
      },
    });
  }

  async #turn(wait: number): Promise<void> {
    this.report();
    await (wait > TIMER_MS ? sleep(Math.floor(wait - 1)) : turn());
    this.#turned = performance.now();
  }
}

async function inject(open: OpenDevice, pace: Pace): Promise<void> {
  const sender = new Sender(open, pace);
  process.on('SIGTERM', () => {
    sender.report();
    process.exit(0);
  });
  const source = await openCaptureFile('-');
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
    for (let i = 0; i < batch.count; i++) {
      const at = batch.offset[i];
      const length = batch.capturedLength[i];
      const pause = sender.next(batch.seconds[i], batch.nanoseconds[i], length);
      if (pause !== undefined) await pause;
      sender.send(batch.bytes.subarray(at, at + length));
    }
    sender.report();
    await turn();
  }
  sender.report();
  process.exit(0);
}

const order = JSON.parse(process.argv[2]) as InjectOrder;
try {
  const open = openDevice(order.device, NOTHING, BUFFER_BYTES);
  if (open.linkType !== LinkType.Ethernet) {
    throw new LiveError(
      'DEVICE_UNUSABLE',
      `${JSON.stringify(order.device)} has link type ${linkTypeName(open.linkType)}, not Ethernet`,
    );
  }
  report({ kind: 'opened', linkType: open.linkType });
  await inject(open, order.pace);
} catch (error) {
  if (!(error instanceof LiveError)) throw error;
  report({ kind: 'failed', code: error.code, message: error.message });
  process.exit(1);
}
