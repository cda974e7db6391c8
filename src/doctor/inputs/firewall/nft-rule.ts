/** One rule of nftables. */
import type { FirewallRule } from '../../evidence/firewall.js';
import { keptText, type Source } from '../source.js';
import { portsOf, protocolOf } from './ports.js';
import { type ChainPlace, ruleDraft, type RuleDraft } from './rule-draft.js';

/** Maximum length of a rule in words. */
const MAX_WORDS = 400;
/** Words that begin a statement or a match. */
const BEGINNINGS: ReadonlySet<string> = new Set(
  (
    'ip ip6 meta udp tcp th sctp dccp udplite iif iifname oif oifname counter accept drop reject masquerade snat dnat ' +
    'redirect return continue queue log limit quota jump goto mark ct fib rt ipsec xt numgen vlan ether arp icmp icmpv6 ' +
    'esp ah comp notrack flow comment xfrm socket tproxy synproxy dup fwd set add update delete exthdr'
  ).split(' '),
);
const SIMPLE_VERDICTS: ReadonlySet<string> = new Set(['accept', 'drop', 'return', 'continue', 'notrack']);
const TRANSPORTS: ReadonlySet<string> = new Set(['udp', 'tcp', 'th', 'sctp', 'dccp', 'udplite']);

/**
 * The rules that a line of a chain is: one for each protocol that it names.
 * @param sets the numbers in the named sets of its table
 */
export function* nftRules(
  source: Source,
  line: number,
  place: ChainPlace,
  text: string,
  sets: ReadonlyMap<string, readonly number[]>,
): Generator<FirewallRule, void> {
  const draft = ruleDraft(source, line, place, text);
  const reader = new RuleReader(draft, wordsOf(text), sets);
  reader.read();
  if (reader.protocols.length === 0) yield draft;
  for (const protocol of reader.protocols) yield { ...draft, protocol };
}

/** The words of a rule; a set in braces and a text in quotes are one. */
function wordsOf(text: string): string[] {
  const words: string[] = [];
  for (const [word] of text.matchAll(/"[^"]*"?|\{[^}]*\}?|[^\s"{]+/g)) {
    if (words.length === MAX_WORDS) break;
    words.push(word);
  }
  return words;
}

/** Elements of a set in braces. */
function elementsOf(word: string): string[] {
  return word
    .replace(/^\{|\}$/g, '')
    .split(',')
    .map((element) => element.trim())
    .filter((element) => element !== '');
}

class RuleReader {
  readonly #draft: RuleDraft;
  readonly #words: readonly string[];
  readonly #sets: ReadonlyMap<string, readonly number[]>;
  #at = 0;
  /** The protocols, if there are several. */
  protocols: readonly string[] = [];

  constructor(draft: RuleDraft, words: readonly string[], sets: ReadonlyMap<string, readonly number[]>) {
    this.#draft = draft;
    this.#words = words;
    this.#sets = sets;
  }

  read(): void {
    while (this.#at < this.#words.length) {
      const start = this.#at;
      if (!this.#statement()) {
        this.#at = start;
        this.#condition();
      }
    }
  }

  #peek(offset = 0): string {
    return this.#words.at(this.#at + offset) ?? '';
  }

  #next(): string {
    return this.#words[this.#at++] ?? '';
  }

  /** Takes a statement or a match that is a field of a rule; returns false if it is none. */
  #statement(): boolean {
    const word = this.#next();
    if (SIMPLE_VERDICTS.has(word)) {
      this.#draft.verdict = word;
      return true;
    }
    if (TRANSPORTS.has(word)) return this.#port(word);
    switch (word) {
      case 'ip':
      case 'ip6':
        return this.#address();
      case 'meta':
        return this.#meta();
      case 'iif':
      case 'iifname':
      case 'oif':
      case 'oifname':
        return this.#device(word.startsWith('i'));
      case 'counter':
        if (this.#peek() === 'packets' && /^\d{1,20}$/.test(this.#peek(1))) {
          this.#draft.packets = Number(this.#peek(1));
          this.#at += this.#peek(2) === 'bytes' ? 4 : 2;
        }
        return true;
      case 'jump':
      case 'goto':
        this.#draft.verdict = `jump ${keptText(this.#next())}`;
        return true;
      case 'masquerade':
      case 'reject':
      case 'snat':
      case 'dnat':
      case 'redirect':
      case 'queue':
      case 'tproxy':
        this.#draft.verdict = word;
        // Nothing but its options follows.
        this.#at = this.#words.length;
        return true;
      case 'log':
      case 'comment':
        this.#skipOptions();
        return true;
      case 'mark':
        return this.#mark();
      case 'xt':
        // The matches of iptables' extensions are shown by name only.
        if (this.#peek() !== 'target') return false;
        this.#draft.verdict = keptText(this.#peek(1).replaceAll('"', '').toLowerCase());
        this.#at += 2;
        return true;
      default:
        return false;
    }
  }

  /** Skips the options of a statement. */
  #skipOptions(): void {
    while (this.#at < this.#words.length && !this.#isBeginning()) this.#at++;
  }

  #isBeginning(): boolean {
    return BEGINNINGS.has(this.#peek()) || /^@(?:th|ih|nh|ll),/.test(this.#peek());
  }

  /** Takes the words until the next statement as a condition. */
  #condition(): void {
    const shown = [this.#next()];
    // `ct state new` and `meta secpath missing` have words that begin statements elsewhere.
    while (this.#at < this.#words.length && !(shown.length > 1 && this.#isBeginning())) shown.push(this.#next());
    if (shown[0].startsWith('@')) this.#takeVnis(shown);
    this.#draft.conditions.push(keptText(shown.join(' ')));
  }

  /** `@th,96,24 @encrypted-vnis`: the 24 bits after the flags of a VXLAN header. */
  #takeVnis([selector, ...rest]: readonly string[]): void {
    if (selector !== '@th,96,24') return;
    const values = rest.flatMap((word) => {
      const set = word.startsWith('@') ? this.#sets.get(word.slice(1)) : undefined;
      if (set !== undefined) return set;
      return elementsOf(word).flatMap((text) => (/^(?:0x[0-9a-f]{1,6}|\d{1,8})$/i.test(text) ? [Number(text)] : []));
    });
    if (!rest.includes('!=') && values.length > 0) this.#draft.vnis = values;
  }

  #port(transport: string): boolean {
    const side = this.#next();
    if (side !== 'dport' && side !== 'sport') return false;
    const value = this.#next();
    const ports = portsOf(value.startsWith('{') ? elementsOf(value).join(',') : value);
    if (ports === undefined) {
      // Still, only packets of the protocol match.
      if (transport !== 'th') this.#draft.protocol = transport;
      return false;
    }
    if (transport !== 'th') this.#draft.protocol = transport;
    if (side === 'dport') this.#draft.destinationPorts = ports;
    else this.#draft.sourcePorts = ports;
    return true;
  }

  #address(): boolean {
    const what = this.#next();
    const value = this.#next();
    if (what === 'protocol' || what === 'nexthdr') return this.#protocol(value);
    if ((what !== 'saddr' && what !== 'daddr') || !/^[0-9a-f.:]{2,45}(?:\/\d{1,3})?$/i.test(value)) return false;
    if (what === 'saddr') this.#draft.source = value;
    else this.#draft.destination = value;
    return true;
  }

  #protocol(value: string): boolean {
    const names = value.startsWith('{') ? elementsOf(value) : [value];
    if (names.length === 0 || !names.every((name) => /^[a-z0-9-]{1,16}$/.test(name))) return false;
    const protocols = names.map(protocolOf);
    if (protocols.length === 1) [this.#draft.protocol] = protocols;
    else this.protocols = protocols;
    return true;
  }

  #meta(): boolean {
    const what = this.#next();
    switch (what) {
      case 'l4proto':
        return this.#protocol(this.#next());
      case 'mark':
        return this.#mark();
      case 'iif':
      case 'iifname':
      case 'oif':
      case 'oifname':
        return this.#device(what.startsWith('i'));
      default:
        return false;
    }
  }

  #mark(): boolean {
    if (this.#peek() !== 'set') return false;
    this.#draft.verdict = 'mark';
    this.#at += 2;
    this.#skipOptions();
    return true;
  }

  #device(isIn: boolean): boolean {
    const name = this.#next();
    if (!/^"?[\w.*@-]{1,20}"?$/.test(name) || name.startsWith('@')) return false;
    const device = name.replaceAll('"', '');
    if (isIn) this.#draft.inDevice = device;
    else this.#draft.outDevice = device;
    return true;
  }
}
