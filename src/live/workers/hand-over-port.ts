/** The port of an endpoint whose interface another worker serves: worker 0, which has all of them. */
import type { FramePort, FramePortCounters } from '../port/frame-port.js';
import { Refusals } from '../port/refusals.js';
import type { HandOver } from './hand-over.js';
import { HandedOver } from './worker-mesh.js';

/** Hands frames over to worker 0, which counts them as sent. */
export class HandOverPort implements FramePort {
  readonly name = '';
  readonly descriptor = -1;
  readonly failure = undefined;
  readonly pending = false;
  readonly #handOver: HandOver;
  readonly #vni: number;
  readonly #macHigh: number;
  readonly #macLow: number;
  readonly #refusals = new Refusals();

  /** @param mac the endpoint's, 6 bytes */
  constructor(handOver: HandOver, vni: number, mac: Uint8Array) {
    const view = new DataView(mac.buffer, mac.byteOffset, mac.byteLength);
    this.#handOver = handOver;
    this.#vni = vni;
    this.#macHigh = view.getInt32(0);
    this.#macLow = view.getUint16(4) << 16;
  }

  get counters(): FramePortCounters {
    return { received: 0, sent: 0, refused: this.#refusals.total, refusedBy: this.#refusals.byName() };
  }

  /** Whether it is the port of an endpoint with this MAC in this network. */
  isFor(vni: number, mac: Uint8Array): boolean {
    const view = new DataView(mac.buffer, mac.byteOffset, mac.byteLength);
    return vni === this.#vni && view.getInt32(0) === this.#macHigh && view.getUint16(4) << 16 === this.#macLow;
  }

  receive(): number {
    return 0;
  }

  send(bytes: Uint8Array, start: number, end: number): void {
    const pushed = this.#handOver.push(
      0,
      HandedOver.Inbound,
      this.#vni,
      this.#macHigh,
      this.#macLow,
      bytes,
      start,
      end,
    );
    // The kernel's name for packets that the queue to another CPU (RPS) has no room for.
    if (!pushed) this.#refusals.add('CPU_BACKLOG');
  }

  flush(): void {
    this.#handOver.flush();
  }

  close(): void {
    // Nothing is open.
  }
}
