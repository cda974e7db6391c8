/** What the findings about /proc/net/xfrm_stat have in common. Names: net/xfrm/xfrm_proc.c; meanings: Documentation/networking/xfrm_proc.rst. */
import { aliases, nodesWith, startText } from '../../../derived/nodes.js';
import { counted, exhibit, listed } from '../../../derived/wording.js';
import { type Evidence, InputKind, type NodeEvidence } from '../../../evidence/evidence.js';
import type { XfrmCounter } from '../../../evidence/kernel.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../../finding.js';

/** A finding about some counters. */
export interface CountedErrors {
  readonly id: string;
  readonly title: string;
  /** Names of the counters. */
  readonly counters: readonly string[];
  /** Severity if they rise; the count since the node started is a note. */
  readonly severity: Severity;
  /** What happened to the packets, after `node1`: `dropped ESP packets whose ICV is wrong`. */
  readonly what: string;
  readonly means: string;
  readonly advice: readonly string[];
  readonly commands?: readonly string[];
  readonly threads: readonly string[];
  readonly explains: readonly string[];
}

const COLLECT = 'cat /proc/net/xfrm_stat; sleep 60; cat /proc/net/xfrm_stat';

/** Makes a finding about counters. A count alone may be years old: only one that rises shows that something is wrong now. */
export function countedErrors(about: CountedErrors): Finding {
  const { id, title, counters, severity, means, threads, explains } = about;
  return {
    id,
    title,
    severity,
    looksAt: '/proc/net/xfrm_stat, once or twice',
    fires: `${listed(counters)} ${counters.length === 1 ? "isn't" : "aren't all"} 0: a note; it rises between two outputs: ${severity === Severity.Error ? 'an error' : 'a warning'}`,
    means,
    threads,
    explains,
    find: (evidence) => findCounted(evidence, about),
  };
}

function* findCounted(evidence: Evidence, about: CountedErrors): Generator<Diagnosis> {
  for (const node of nodesWith(evidence, InputKind.XfrmStat)) {
    const found = node.xfrmCounters.filter(
      ({ name, count, later }) => about.counters.includes(name) && (later ?? count) > 0,
    );
    const rising = found.filter(({ count, later }) => later !== undefined && later > count);
    // A second output in which nothing has changed shows that nothing is wrong any more.
    const past = found.filter(({ later }) => later === undefined);
    if (rising.length > 0) yield diagnose(node, about, rising, true);
    else if (past.length > 0) yield diagnose(node, about, past, false);
  }
}

function diagnose(
  node: NodeEvidence,
  { severity, what, advice, commands }: CountedErrors,
  counters: readonly XfrmCounter[],
  isRising: boolean,
): Diagnosis {
  const total = counters.reduce((sum, { count, later }) => sum + (isRising ? (later ?? count) - count : count), 0);
  return {
    severity: isRising ? severity : Severity.Note,
    certainty: isRising ? Certainty.Certain : Certainty.Possible,
    summary: `${startText(node)} ${what}: ${counted(total, 'packet')} ${isRising ? 'between two outputs' : 'since it was started'} (${listed(counters.map(({ name }) => name))}).`,
    subject: { nodes: aliases(node) },
    exhibits: counters.map((counter) =>
      exhibit(
        `${counter.name} ${counter.count.toLocaleString('en-US')}${counter.later === undefined ? '' : `, then ${counter.later.toLocaleString('en-US')}`}`,
        [counter],
      ),
    ),
    advice: isRising ? advice : ['Read the counters twice to see whether they rise: what they count may be long past.'],
    ...(commands === undefined || !isRising ? {} : { commands }),
    ...(isRising ? {} : { collect: [COLLECT] }),
  };
}
