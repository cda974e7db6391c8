import type { SeededRandom } from '../../replay/random.js';
import type { Budget, Exchanges } from '../flow.js';
import { exchangeSteps, type Script, TcpConversation } from '../script.js';
import type { SizeDraw } from '../sizes.js';
import type { ClientPorts } from './client-ports.js';

/** Packets of a handshake and of a close. */
const HANDSHAKE = 3;
const CLOSE = 3;
/** Largest number of full segments of an answer, before the last. */
const SEGMENTS = 15;
/** Largest number of exchanges of a connection. */
const EXCHANGES = 40;
/** Steps of an exchange without full segments. */
const SMALLEST = exchangeSteps(0) - 2;
/** Full segments of the smallest answer that may lose one, and those after the lost one: its sender waits for three duplicates. */
const LOSSY_SEGMENTS = 4;
const AFTER_LOST = 3;

/** Packets of the smallest connection. */
export const SMALLEST_CONNECTION = HANDSHAKE + SMALLEST + CLOSE;

/** What connections are like. */
export interface TcpSettings {
  readonly random: SeededRandom;
  readonly sizes: SizeDraw;
  readonly mtu: number;
  /** Bytes of the inner headers of segments with data. */
  readonly headers: number;
  /** Probability that an answer loses a segment. */
  readonly retransmissions: number;
}

/** TCP connections, one after another. */
export class TcpExchanges implements Exchanges {
  readonly #conversation = new TcpConversation();
  readonly #settings: TcpSettings;
  readonly #mss: number;
  /** Exchanges left of the connection; -1 if there is none. */
  #left = -1;
  readonly #ports: ClientPorts;
  #port = 0;

  constructor(ports: ClientPorts, settings: TcpSettings) {
    this.#settings = settings;
    this.#mss = settings.mtu - settings.headers;
    this.#ports = ports;
  }

  refill(script: Script, budget: Budget): void {
    const conversation = this.#conversation;
    const { random } = this.#settings;
    if (this.#left < 0) {
      if (budget.ask(SMALLEST_CONNECTION) < SMALLEST_CONNECTION) return;
      this.#port = this.#ports.take();
      script.port = this.#port;
      conversation.begin(random.word(), random.word());
      conversation.open(script);
      budget.reserve(CLOSE);
      this.#left = random.below(EXCHANGES);
      // Part of what was granted, so that a connection that was opened has an exchange and is closed.
      this.#exchange(script, 0, -1);
      return;
    }
    const segments = random.below(SEGMENTS + 1);
    const granted = this.#left > 0 ? budget.ask(exchangeSteps(segments)) : 0;
    if (this.#left === 0 || granted < exchangeSteps(segments)) {
      budget.release(CLOSE);
      conversation.close(script);
      this.#ports.free(this.#port);
      this.#left = -1;
      return;
    }
    this.#left--;
    const isLossy = segments >= LOSSY_SEGMENTS && random.chance(this.#settings.retransmissions);
    const lost = isLossy ? random.below(segments - AFTER_LOST) : -1;
    this.#exchange(script, segments, lost);
  }

  #exchange(script: Script, segments: number, lost: number): void {
    const { random, sizes, mtu, headers } = this.#settings;
    const request = Math.max(1, sizes.draw(random, mtu) - headers);
    const last = 1 + random.below(this.#mss);
    this.#conversation.exchange(script, request, segments, this.#mss, last, lost);
  }
}
