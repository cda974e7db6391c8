/** Reads everything that an operator gives doctor, except captures. */
import { plainText } from '../../text/pasted-text.js';
import { describeText } from '../../text/recognised-text.js';
import { InputKind, type InputSummary, type NodeEvidence } from '../evidence/evidence.js';
import { kindOfCommand } from './commands.js';
import { InputWarnings } from './input-warnings.js';
import { takeJson } from './json-documents.js';
import type { JsonObject } from './json-values.js';
import { END } from './markers.js';
import { matchedNodes } from './match-nodes.js';
import { addressesOf } from './node-addresses.js';
import { type Fact, type FactName, NodeFacts } from './node-facts.js';
import { otherOutputOf } from './other-outputs.js';
import { type Section, sectionsOf } from './sections.js';
import { keptText, type Source } from './source.js';
import { type FactSink, hasKeys, parseText } from './text-parsers.js';
import { looksLikeConfig, parseConfigNodes } from './vtep/config.js';
import { factsOfStatus } from './vtep/status.js';

/** Maximum length of an input in characters. */
export const MAX_INPUT = 1 << 25;
/** Number of characters that show whether an input is quoted. */
const MARGIN_SAMPLE = 1 << 16;
/** Maximum number of nodes that outputs name. */
const MAX_NODES = 1000;
const MAX_NAME = 64;

/** What doctor takes, for messages. */
export const TAKEN =
  'doctor takes captures (pcap, pcapng), ip xfrm state and policy, /proc/net/xfrm_stat, bridge fdb, ip neigh, ip -d link,' +
  ' ip addr, ethtool -k, iptables-save, iptables -L -v -n, nft list ruleset, conntrack -L, ipvsadm -Ln, docker network' +
  ' inspect, docker service inspect, docker info, logs of dockerd and the kernel, a config of vtep, vtep status --json,' +
  ' keys, /jsz?config=1&streams=1 of a NATS server, and the output of the script that vtep doctor --collect prints';

/** A text that the user gave. */
export interface InputFile {
  /** Name of the file, for messages and places. */
  readonly name: string;
  /**
   * Name of the node that it is from.
   * @default what its prompts, headings, `docker info` or addresses say
   */
  readonly node?: string | undefined;
  readonly text: string;
}

/** What was read. */
export interface ReadInputs {
  /** By node; captures are still missing. Inputs whose node is unknown are in evidence without a name. */
  readonly nodes: readonly NodeEvidence[];
  /** In the order of the files; one for each node that a file has outputs of. */
  readonly inputs: readonly InputSummary[];
}

/**
 * Reads the texts, whatever they are: outputs of the commands of iproute2, netfilter, Docker and vtep, one or several in
 * a file, as copied from a terminal, a mail or a forum, and the output of the collecting script. Each is identified by
 * its content; what isn't understood is reported, and never thrown. Inputs of one node are merged: its name is
 * what the user gave, else what the outputs say, else it is found by its addresses.
 *
 * Bounded: 2^25 characters of a file, 5,000 networks and 200,000 other facts of a kind.
 * @example
 * import { readFileSync } from 'node:fs';
 * import { readInputs } from 'vtep/doctor';
 *
 * const { nodes, inputs } = readInputs([{ name: 'node1.txt', node: 'node1', text: readFileSync('node1.txt', 'utf8') }]);
 * for (const { file, kinds, warnings } of inputs) console.log(file, kinds, warnings);
 * for (const { name, sas, fdb } of nodes) console.log(name, sas.length, fdb.length);
 */
export function readInputs(files: readonly InputFile[]): ReadInputs {
  const reader = new InputReader();
  for (const file of files) reader.read(file);
  return reader.finish();
}

/** A part of a file that is of one node, while it is read. */
interface Part {
  readonly file: string;
  readonly facts: NodeFacts;
  readonly kinds: Set<InputKind>;
  readonly warnings: InputWarnings;
  seconds: number | undefined;
}

class InputReader {
  /** Facts of each file, and of each node in it. */
  readonly #facts: NodeFacts[] = [];
  /** Names that the user gave. */
  readonly #given = new Set<string>();
  readonly #parts: Part[] = [];

  read({ name, node, text }: InputFile): void {
    if (node !== undefined) this.#given.add(keptText(node.slice(0, MAX_NAME)));
    const file = new FileReader(name, node);
    file.read(text);
    this.#parts.push(...file.parts);
    this.#facts.push(...file.facts);
  }

  finish(): ReadInputs {
    const used = this.#facts.filter(({ name, has }) => has.size > 0 || this.#given.has(name));
    const nodes = matchedNodes(used, this.#given);
    // The warnings are of a file, not of its parts.
    const shown = new Set<InputWarnings>();
    let toldTaken = false;
    const linesOf = (warnings: InputWarnings): string[] => {
      const lines = shown.has(warnings) ? [] : warnings.lines;
      shown.add(warnings);
      return lines;
    };
    return {
      nodes: nodes.map((facts) => facts.evidence(addressesOf(facts))),
      inputs: this.#parts.map(({ file, facts, kinds, warnings, seconds }) => {
        const lines = linesOf(warnings);
        if (kinds.size === 0 && !toldTaken) {
          toldTaken = true;
          lines.push(TAKEN);
        }
        return {
          file,
          node: facts.owner.name,
          kinds: kinds.size === 0 ? [InputKind.Unknown] : [...kinds],
          warnings: lines,
          seconds,
        };
      }),
    };
  }
}

class FileReader {
  /** One for each node, in order of appearance. */
  readonly parts: Part[] = [];
  readonly #name: string;
  readonly #node: string | undefined;
  readonly #nodes = new Map<string, NodeFacts>();
  readonly #warnings = new InputWarnings();
  /** Host that `docker info` names. */
  #host: string | undefined;
  readonly #otherNames = new Set<string>();

  constructor(name: string, node: string | undefined) {
    this.#name = name;
    this.#node = node;
  }

  /** Facts of each node. */
  get facts(): NodeFacts[] {
    return [...this.#nodes.values()];
  }

  /** The facts of a node by name; undefined if there are too many nodes. */
  #nodeOf(name: string): NodeFacts | undefined {
    const known = this.#nodes.get(name);
    if (known !== undefined || this.#nodes.size >= MAX_NODES) return known;
    const facts = new NodeFacts(name);
    facts.files.add(this.#name);
    this.#nodes.set(name, facts);
    return facts;
  }

  read(text: string): void {
    if (text.length > MAX_INPUT) {
      this.#warnings.add(`only its first ${MAX_INPUT} characters are read: give the parts that matter`);
    }
    const plain = withoutMargin(plainText(text.slice(0, MAX_INPUT)));
    if (plain.trim() === '') {
      this.#warnings.add(
        'it is empty; if a command printed nothing, put the command on the first line, as in # ip xfrm state',
      );
    } else if (looksLikeConfig(plain)) {
      this.#config(plain);
    } else {
      const { sections, isCutShort } = sectionsOf(plain);
      if (isCutShort) this.#warnings.add('it has too many outputs or JSON documents: the last ones are not read');
      this.#checkEnd(sections);
      for (const section of sections) this.#section(section, plain);
      this.#checkNames();
      if (this.parts.every(({ kinds }) => kinds.size === 0)) this.#refuse(plain);
    }
    // A file without any output has a summary, too; a heading without any doesn't.
    if (this.parts.length === 0) this.#part(undefined);
    const used = this.parts.filter(({ kinds }) => kinds.size > 0);
    this.parts.splice(0, Infinity, ...(used.length > 0 ? used : this.parts.slice(0, 1)));
  }

  /** The collecting script says when it has finished. */
  #checkEnd(sections: readonly Section[]): void {
    const own = sections.flatMap(({ marker }) => (marker?.isOwn === true ? [marker] : []));
    const begun = own.filter(({ node }) => node !== undefined).length;
    const ended = own.filter(({ command }) => command === END).length;
    if (begun > ended) {
      this.#warnings.add('it ends before the collecting script did: the last outputs of a node are missing');
    }
  }

  /** The part of the file that is of a node. */
  #part(named: string | undefined): Part {
    const own = this.#node ?? named;
    const name = own === undefined ? '' : keptText(own.slice(0, MAX_NAME));
    const known = this.parts.find(({ facts }) => facts.name === name);
    if (known !== undefined) return known;
    const found = this.#nodeOf(name);
    if (found === undefined) {
      this.#warnings.add(`its outputs are of more nodes than the ${MAX_NODES} that are told apart`);
      const [first] = this.parts;
      if (this.parts.length > 0) return first;
    }
    const facts = found ?? new NodeFacts('');
    const part = { file: this.#name, facts, kinds: new Set<InputKind>(), warnings: this.#warnings, seconds: undefined };
    this.parts.push(part);
    return part;
  }

  #source({ text, firstLine, marker }: Section): Source {
    return {
      file: this.#name,
      text,
      firstLine,
      namespace: marker?.namespace === undefined ? undefined : keptText(marker.namespace),
      command: marker?.command ?? '',
      warn: (what, line) => this.#warnings.add(what, line === undefined ? undefined : firstLine + line - 1),
    };
  }

  #sink(part: Part): FactSink {
    return {
      add: <Name extends FactName>(name: Name, facts: Iterable<Fact<Name>>): void => {
        if (part.facts.add(name, facts).isFull) {
          this.#warnings.add(
            `it has too many entries of a kind: only the first ${part.facts.list(name).length} are used`,
          );
        }
      },
      at: (seconds) => {
        part.seconds ??= seconds;
      },
      from: (host) => {
        this.#host ??= host;
      },
    };
  }

  #section(section: Section, plain: string): void {
    const { marker } = section;
    if (this.#node !== undefined && section.node !== undefined) this.#otherNames.add(section.node);
    if (marker?.skipped !== undefined) return;
    const isEmpty = section.kind !== 'json' && section.text.trim() === '';
    // A heading or a prompt alone, without a command that doctor takes.
    if (isEmpty && section.kind === undefined) return;
    const part = this.#part(section.node);
    part.seconds ??= marker?.seconds;
    if (section.kind === 'json') this.#json(section, part, plain);
    else this.#text(section, part);
  }

  #text(section: Section, part: Part): void {
    const { text, firstLine, marker } = section;
    const found = section.kind === 'json' ? undefined : section.kind;
    const kind = found ?? (marker === undefined ? undefined : kindOfCommand(marker.command));
    const what = found === undefined ? describeText(text) : undefined;
    if (what?.startsWith('an error message') === true) {
      this.#warnings.add(`it is ${what}`, firstLine);
      return;
    }
    if (kind === undefined) {
      if (what === 'a key ring') this.#has(part, InputKind.Keys);
      return;
    }
    if (kind === InputKind.Keys) {
      this.#has(part, kind);
      return;
    }
    const source = this.#source(section);
    const before = part.facts.size;
    // What is left of a damaged JSON document has no parser.
    const isParsed = parseText(kind, source, this.#sink(part));
    if (text.trim() !== '' && found === undefined && part.facts.size === before) {
      if (isParsed) this.#warnings.add(`it is no output of ${keptText(marker?.command ?? kind)}`, firstLine);
      return;
    }
    this.#has(part, kind);
    if (kind === InputKind.XfrmState && hasKeys(source)) part.kinds.add(InputKind.Keys);
  }

  #has(part: Part, kind: InputKind): void {
    part.kinds.add(kind);
    part.facts.has.add(kind);
  }

  #json(section: Section, part: Part, plain: string): void {
    const { json, marker } = section;
    if (json === undefined) return;
    const { values, lines, damage } = json;
    // The lines of a document's elements are those of the file.
    const source = this.#source({ ...section, firstLine: 1 });
    const sink = this.#sink(part);
    if (damage !== undefined) {
      const used =
        values.length === 0
          ? 'it is not used'
          : values.length === 1
            ? 'the entry before it is used'
            : `the ${values.length} entries before it are used`;
      this.#warnings.add(`not JSON: ${damage.what}: ${used} (is it complete and unedited?)`, damage.line);
    }
    values.forEach((value, i) => {
      const outcome = takeJson(source, value, lines[i], sink);
      if ('kind' in outcome) this.#has(part, outcome.kind);
      else if ('status' in outcome) this.#status(source, outcome.status, lines[i], part);
      else if ('config' in outcome) this.#config(plain);
      else this.#warnings.add(outcome.unknown);
    });
    // An empty list says something, too.
    const asked = marker === undefined ? undefined : kindOfCommand(marker.command);
    if (values.length === 0 && damage === undefined && asked !== undefined) this.#has(part, asked);
    if (part.kinds.has(InputKind.Networks) && part.facts.list('networks').length === 0) {
      source.warn('docker network inspect without an overlay network');
    }
  }

  #status(source: Source, status: JsonObject, line: number, part: Part): void {
    const { name, addresses, networks, fdb, sas } = factsOfStatus(source, status, line);
    const own = part.facts.name === '' && name !== '' ? this.#part(name) : part;
    const sink = this.#sink(own);
    this.#has(own, InputKind.Status);
    own.facts.status ??= status;
    for (const address of addresses) own.facts.ownAddresses.add(address);
    sink.add('networks', networks);
    sink.add('fdb', fdb);
    sink.add('sas', sas);
  }

  /** A config describes all nodes. */
  #config(text: string): void {
    const part = this.#part(undefined);
    part.kinds.add(InputKind.Config);
    if (/^[ \t]*["']?keys["']?[ \t]*:/m.test(text)) part.kinds.add(InputKind.Keys);
    const section = { text, firstLine: 1, marker: undefined, kind: InputKind.Config, node: undefined, json: undefined };
    for (const { name, address, networks } of parseConfigNodes(this.#source(section)) ?? []) {
      const facts = this.#nodeOf(name);
      if (facts === undefined) continue;
      facts.has.add(InputKind.Config);
      facts.ownAddresses.add(address);
      facts.add('networks', networks);
    }
  }

  /** Decides whose the outputs are that nothing in the file names a node for. */
  #checkNames(): void {
    if (this.#node !== undefined) {
      this.#otherNames.delete(this.#node);
      if (this.#otherNames.size > 1) {
        const names = [...this.#otherNames].slice(0, 3).map(keptText).join(', ');
        this.#warnings.add(`its outputs name ${names}, but all of it is taken as ${keptText(this.#node)}'s, as given`);
      }
      return;
    }
    const unnamed = this.parts.findIndex(({ facts }) => facts.name === '');
    if (unnamed < 0) return;
    const { facts, kinds, seconds } = this.parts[unnamed];
    const named = this.parts.filter((_, i) => i !== unnamed);
    const host = this.#host;
    if (named.length > 1 || (named.length === 0 && host === undefined)) return;
    if (named.length === 0 && host !== undefined) named.push(this.#part(host));
    const [owner] = named;
    owner.facts.merge(facts);
    this.#nodes.delete('');
    for (const kind of kinds) owner.kinds.add(kind);
    owner.seconds ??= seconds;
    this.parts.splice(unnamed, 1);
  }

  #refuse(plain: string): void {
    // Those that are there say it already.
    if (this.#warnings.lines.length > 0) return;
    const other = otherOutputOf(plain);
    if (other !== undefined) {
      this.#warnings.add(`it looks like ${other.what}: give ${other.instead}`);
      return;
    }
    const what = describeText(plain);
    this.#warnings.add(
      what === undefined ? 'it is not understood' : `it looks like ${what}, which doctor has no use for`,
    );
  }
}

/** Without the quote markers of an e-mail, if most lines have one: parsers of JSON don't know them. */
function withoutMargin(text: string): string {
  const start = text.slice(0, MARGIN_SAMPLE);
  const lines = start.match(/^[ \t]*\S/gm)?.length ?? 0;
  const quoted = start.match(/^[ \t]*[>|](?=[ \t]|$)/gm)?.length ?? 0;
  return quoted * 2 > lines ? text.replace(/^[ \t]{0,40}(?:[>|](?:[ \t]|$)){1,40}/gm, '') : text;
}
