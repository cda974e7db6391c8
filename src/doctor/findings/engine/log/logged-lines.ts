/** What the findings about logs have in common. */
import { aliases, nodesWith, startText } from '../../../derived/nodes.js';
import { counted, exhibit } from '../../../derived/wording.js';
import { type Evidence, InputKind } from '../../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding } from '../../../finding.js';

/** A finding about lines of a log. */
export interface LoggedLines extends Omit<Finding, 'looksAt' | 'fires' | 'find'> {
  /** Whether a line is about it. The text is in lower case. */
  readonly matches: (text: string) => boolean;
  /** Such a line in the documentation, and the condition in a test. */
  readonly sample: string;
  /** What happens, after `node1`: `cannot create a vxlan device`. */
  readonly what: string;
  readonly advice: readonly string[];
  readonly commands: readonly string[];
  /** @default certain */
  readonly certainty?: Certainty;
}

/** Characters of a line that are shown; of a longer one, those at the beginning and at the end, where errors are. */
const SHOWN = 200;
const SHOWN_START = 110;
const SHOWN_END = 85;

/** Makes a finding of lines in a log: one diagnosis per node. */
export function loggedLines(about: LoggedLines): Finding {
  const { id, title, severity, means, threads, explains, sample } = about;
  return {
    id,
    title,
    severity,
    looksAt: "the engine's or the kernel's log",
    fires: `a line such as \`${sample}\``,
    means,
    threads,
    explains,
    find: (evidence) => findLines(evidence, about),
  };
}

function* findLines(evidence: Evidence, about: LoggedLines): Generator<Diagnosis> {
  const { matches, severity, what, advice, commands, certainty = Certainty.Certain } = about;
  for (const node of nodesWith(evidence, InputKind.Log)) {
    const lines = node.log.filter(({ text }) => matches(text.toLowerCase()));
    if (lines.length === 0) continue;
    yield {
      severity,
      certainty,
      summary: `${startText(node)} ${what} (${counted(lines.length, 'line')} of its log).`,
      subject: { nodes: aliases(node) },
      exhibits: [exhibit(shown(lines[0].text), lines)],
      advice,
      commands,
    };
  }
}

function shown(text: string): string {
  return (text.length > SHOWN ? `${text.slice(0, SHOWN_START)} … ${text.slice(-SHOWN_END)}` : text).replace(/\.+$/, '');
}
