/** Rules of `nft list ruleset`, as far as doctor understands them (nftables, src/parser_bison.y). */
import { pastedLines } from '../../../text/pasted-text.js';
import type { FirewallRule } from '../../evidence/firewall.js';
import { keptText, type Source } from '../source.js';
import { nftRules } from './nft-rule.js';
import { type ChainPlace, ruleDraft } from './rule-draft.js';

const TABLE = /^table (\S{1,16}) (\S{1,64}) \{/;
const CHAIN = /^chain (\S{1,64}) \{/;
const SET = /^(?:set|map) (\S{1,64}) \{/;
const HOOK = /^type (\S{1,16}) hook (\S{1,16})(?: devices? \S{1,100})? priority [^;]{1,40};(?: *policy (\w{1,16});)?/;
const FAMILIES: Readonly<Record<string, FirewallRule['family']>> = { ip: 'ipv4', ip6: 'ipv6', inet: 'inet' };
/** Number of characters of a rule that are read. */
const MAX_RULE = 4096;
/** Maximum number of elements of a set that are kept. */
const MAX_ELEMENTS = 4096;

/** What the lines are in. */
interface Block {
  readonly kind: 'table' | 'chain' | 'set' | 'other';
  readonly name: string;
}

/** The rules and policies of a source. */
export function* parseNftRuleset(source: Source): Generator<FirewallRule, void> {
  const blocks: Block[] = [];
  let family: FirewallRule['family'] = 'other';
  let hook = '';
  let sets = new Map<string, number[]>();
  for (const { number, text } of pastedLines(source.text)) {
    const line = withoutComment(text);
    const table = blocks.length === 0 ? TABLE.exec(line) : null;
    const chain = CHAIN.exec(line);
    const set = SET.exec(line);
    const inner = blocks.at(-1);
    if (table !== null) {
      family = Object.hasOwn(FAMILIES, table[1]) ? FAMILIES[table[1]] : 'other';
      sets = new Map();
    }
    if (inner?.kind === 'chain' && line !== '}') {
      const place: ChainPlace = { family, table: keptText(blocks[0].name), chain: keptText(inner.name), hook };
      const type = HOOK.exec(line);
      if (type !== null) {
        hook = keptText(type[2]);
        if (type.at(3) !== undefined) {
          const policy = ruleDraft(source, number, { ...place, hook }, line);
          policy.isPolicy = true;
          policy.verdict = type[3];
          yield policy;
        }
      } else if (!/^(?:policy \w+;?|comment ")/.test(line)) {
        yield* nftRules(source, number, place, line.slice(0, MAX_RULE), sets);
      }
    } else if (inner?.kind === 'set') {
      takeElements(sets.get(inner.name), line);
    }
    if (chain !== null) hook = '';
    if (set !== null && sets.size < MAX_ELEMENTS) sets.set(set[1], []);
    // The elements of a set may be on several lines.
    const block: Block =
      table !== null
        ? { kind: 'table', name: table[2] }
        : chain !== null
          ? { kind: 'chain', name: chain[1] }
          : set !== null
            ? { kind: 'set', name: set[1] }
            : inner?.kind === 'set'
              ? inner
              : { kind: 'other', name: '' };
    // The braces of a set within a rule close on its line.
    const depth = depthOf(line);
    for (let i = 0; i < depth && blocks.length < MAX_ELEMENTS; i++) blocks.push(block);
    for (let i = depth; i < 0; i++) blocks.pop();
  }
}

/** The line without a comment at its end, such as `# handle 4`. */
function withoutComment(line: string): string {
  if (!line.includes('#')) return line;
  let quoted = false;
  for (let i = 0; i < line.length; i++) {
    if (line[i] === '"') quoted = !quoted;
    else if (line[i] === '#' && !quoted) return line.slice(0, i).trimEnd();
  }
  return line;
}

/** Number of braces that a line opens, less those that it closes. */
function depthOf(line: string): number {
  let depth = 0;
  let quoted = false;
  for (const character of line) {
    if (character === '"') quoted = !quoted;
    else if (!quoted && character === '{') depth++;
    else if (!quoted && character === '}') depth--;
  }
  return depth;
}

/** Takes the numbers among the elements of a set: Docker keeps the VNIs of encrypted networks in one. */
function takeElements(elements: number[] | undefined, line: string): void {
  if (elements === undefined || /^(?:type|typeof|flags|size|timeout|gc-interval|comment|counter|policy)\b/.test(line))
    return;
  for (const word of line.replace(/^elements = \{/, '').split(/[,\s{}]+/)) {
    if (elements.length === MAX_ELEMENTS) return;
    if (/^(?:0x[0-9a-f]{1,6}|\d{1,8})$/i.test(word)) elements.push(Number(word));
  }
}
