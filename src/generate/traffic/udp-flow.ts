import type { SeededRandom } from '../../replay/index.js';
import { type Budget, Flow } from '../flow.js';
import { innerHeaderLength, type Lane } from '../lane.js';
import type { SizeDraw } from '../sizes.js';

const ANSWER_AFTER = 180_000;

/** Requests and answers over UDP. */
export class UdpFlow extends Flow {
  constructor(
    lanes: readonly Lane[],
    indices: readonly number[],
    interval: number,
    port: number,
    readonly random: SeededRandom,
    readonly sizes: SizeDraw,
    readonly mtu: number,
  ) {
    super(lanes, indices, interval);
    this.script.port = port;
  }

  refill(budget: Budget): void {
    if (budget.ask(2) < 2) return;
    this.script.add(0, 0, this.#payload());
    this.script.add(1, ANSWER_AFTER, this.#payload());
  }

  #payload(): number {
    const length = this.sizes.draw(this.random, this.mtu) - innerHeaderLength(this.lanes[0]);
    return length < 0 ? 0 : length;
  }
}
