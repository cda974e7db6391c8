import type { SeededRandom } from '../../replay/index.js';
import { type Budget, Flow } from '../flow.js';
import { innerHeaderLength, type Lane } from '../lane.js';
import type { SizeDraw } from '../sizes.js';

const ANSWER_AFTER = 120_000;

/** ICMP echo requests and replies of the same size. */
export class EchoFlow extends Flow {
  #number = 0;

  constructor(
    lanes: readonly Lane[],
    indices: readonly number[],
    interval: number,
    readonly random: SeededRandom,
    readonly sizes: SizeDraw,
    readonly mtu: number,
  ) {
    super(lanes, indices, interval);
  }

  refill(budget: Budget): void {
    if (budget.ask(2) < 2) return;
    const length = Math.max(0, this.sizes.draw(this.random, this.mtu) - innerHeaderLength(this.lanes[0]));
    this.#number = (this.#number + 1) & 0xffff;
    this.script.add(0, 0, length, this.#number);
    this.script.add(1, ANSWER_AFTER, length, this.#number);
  }
}
