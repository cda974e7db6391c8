import type { SeededRandom } from '../../replay/random.js';
import type { Budget, Exchanges } from '../flow.js';
import type { Script } from '../script.js';

const ANSWER_AFTER = 300_000;
const RECURSION_DESIRED = 0x0100;
const RESPONSE = 0x8180;
const TYPE_A = 1;
const TYPE_AAAA = 28;
const CLASS_IN = 1;
/** Docker's. */
const TTL_SECONDS = 600;
/** A pointer to the name in the question (RFC 1035 section 4.1.4). */
const NAME_POINTER = 0xc00c;
const PORTS = 20_000;
const FIRST_PORT = 40_000;

/** DNS queries of one name, and their answers. */
export class DnsExchanges implements Exchanges {
  constructor(readonly random: SeededRandom) {}

  refill(script: Script, budget: Budget): void {
    if (budget.ask(2) < 2) return;
    const id = this.random.below(0x10000);
    script.port = FIRST_PORT + this.random.below(PORTS);
    script.add(0, 0, 0, id);
    script.add(1, ANSWER_AFTER, 0, id);
  }
}

/**
 * A query for a name's address, with the id 0.
 * @param address what its answer is, which its type follows from
 */
export function dnsQuery(name: string, address: Uint8Array): Uint8Array {
  return message(name, typeOf(address), RECURSION_DESIRED, []);
}

/** The answer to it. */
export function dnsAnswer(name: string, address: Uint8Array): Uint8Array {
  const type = typeOf(address);
  const record = [NAME_POINTER, type, CLASS_IN, 0, TTL_SECONDS, address.length].flatMap(pair);
  return message(name, type, RESPONSE, [...record, ...address]);
}

function typeOf({ length }: Uint8Array): number {
  return length === 4 ? TYPE_A : TYPE_AAAA;
}

function message(name: string, type: number, flags: number, answer: readonly number[]): Uint8Array {
  const labels = name.split('.').flatMap((label) => [label.length, ...new TextEncoder().encode(label)]);
  const header = [0, flags, 1, answer.length === 0 ? 0 : 1, 0, 0].flatMap(pair);
  return Uint8Array.from([...header, ...labels, 0, ...[type, CLASS_IN].flatMap(pair), ...answer]);
}

function pair(word: number): [number, number] {
  return [word >>> 8, word & 0xff];
}
