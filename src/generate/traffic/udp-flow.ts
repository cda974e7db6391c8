import type { SeededRandom } from '../../replay/random.js';
import type { Budget, Exchanges } from '../flow.js';
import type { Script } from '../script.js';
import type { SizeDraw } from '../sizes.js';

const ANSWER_AFTER = 180_000;

/** Requests and answers over UDP. */
export class UdpExchanges implements Exchanges {
  constructor(
    /** The client's port. */
    readonly port: number,
    readonly random: SeededRandom,
    readonly sizes: SizeDraw,
    readonly mtu: number,
    /** Bytes of the inner headers. */
    readonly headers: number,
  ) {}

  refill(script: Script, budget: Budget): void {
    if (budget.ask(2) < 2) return;
    script.port = this.port;
    script.add(0, 0, this.#payload());
    script.add(1, ANSWER_AFTER, this.#payload());
  }

  #payload(): number {
    return Math.max(0, this.sizes.draw(this.random, this.mtu) - this.headers);
  }
}
