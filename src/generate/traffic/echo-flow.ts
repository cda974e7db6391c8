import type { SeededRandom } from '../../replay/random.js';
import type { Budget, Exchanges } from '../flow.js';
import type { Script } from '../script.js';
import type { SizeDraw } from '../sizes.js';

const ANSWER_AFTER = 120_000;

/** ICMP echo requests and replies of the same size. */
export class EchoExchanges implements Exchanges {
  #number = 0;

  constructor(
    readonly random: SeededRandom,
    readonly sizes: SizeDraw,
    readonly mtu: number,
    /** Bytes of the inner headers. */
    readonly headers: number,
  ) {}

  refill(script: Script, budget: Budget): void {
    if (budget.ask(2) < 2) return;
    const length = Math.max(0, this.sizes.draw(this.random, this.mtu) - this.headers);
    this.#number = (this.#number + 1) & 0xffff;
    script.add(0, 0, length, this.#number);
    script.add(1, ANSWER_AFTER, length, this.#number);
  }
}
