/** Captures that don't belong together: of other times, other clocks, other clusters. */
import { captureName, capturesOf, isFarOff, matchedCaptures, type NodeCapture, timeText } from '../../capture/index.js';
import { MINUTE_COMMAND } from '../../derived/capture-command.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

/** A difference of clocks in seconds that is worth a word. */
const CLOCK_SECONDS = 1;
/** Captures that follow each other within this many seconds were started one after the other, or are parts of one. */
const APART = 60;

function vtepsOf({ capture }: NodeCapture): Set<string> {
  return new Set(capture.survey.tunnels.flatMap(({ source, destination }) => [source, destination]));
}

function rangeText({ capture }: NodeCapture): string {
  const { firstSeconds = Number.NaN, lastSeconds = Number.NaN } = capture;
  return `from ${timeText(firstSeconds)} to ${timeText(lastSeconds)} (UTC)`;
}

/** Seconds between two captures; negative if they overlap, NaN if one has no times. */
function secondsBetween(a: NodeCapture, b: NodeCapture): number {
  const [first, second] = [a.capture, b.capture];
  const nan = Number.NaN;
  return Math.max(
    (second.firstSeconds ?? nan) - (first.lastSeconds ?? nan),
    (first.firstSeconds ?? nan) - (second.lastSeconds ?? nan),
  );
}

function pairOf(a: NodeCapture, b: NodeCapture, text: string, advice: string): Diagnosis {
  return {
    severity: Severity.Warning,
    certainty: Certainty.Certain,
    summary: text,
    subject: {},
    exhibits: [a, b].map((each) => ({ text: rangeText(each), places: [{ file: each.capture.file }] })),
    advice: [advice],
    commands: [MINUTE_COMMAND],
  };
}

/** Whether two captures are of one time: they overlap, follow each other, or one has no times. */
function areOfOneTime(a: NodeCapture, b: NodeCapture): boolean {
  const isSameNode = a.node === b.node && a.node !== '';
  return isSameNode || !(secondsBetween(a, b) > APART);
}

/** The captures that are of the time of the first one, directly or by way of others: files that follow each other are parts of one. */
function ofOneTime(captures: readonly NodeCapture[]): Set<NodeCapture> {
  const found = new Set(captures.slice(0, 1));
  // What is added is looked at, too.
  for (const one of found) for (const other of captures) if (areOfOneTime(one, other)) found.add(other);
  return found;
}

function* find(evidence: Evidence): Generator<Diagnosis> {
  const captures = capturesOf(evidence).filter((each) => each.capture.survey.packets > 0 && vtepsOf(each).size > 0);
  const reference = captures.at(0);
  const known = reference === undefined ? new Set() : vtepsOf(reference);
  const together = ofOneTime(captures);
  // Against one of them, not all pairs: forty files make forty lines at most.
  for (const other of captures) {
    if (reference === undefined || other === reference) continue;
    const [one, two] = [reference.capture.file, other.capture.file];
    if (![...vtepsOf(other)].some((vtep) => known.has(vtep))) {
      yield pairOf(
        reference,
        other,
        `${two} has no VTEP in common with ${one}: they are of other clusters, or of other nodes.`,
        'Diagnose them one by one, or capture on nodes that send to each other.',
      );
    } else if (!together.has(other)) {
      yield pairOf(
        reference,
        other,
        `${two} was not captured at the same time as ${one}: what one has and the other lacks says nothing.`,
        'Capture on both nodes at the same time, for at least a minute.',
      );
    }
  }
  for (const match of matchedCaptures(evidence)) {
    const offset = match.clockOffset ?? 0;
    if (Math.abs(offset) < CLOCK_SECONDS) continue;
    const [one, two] = [captureName(match.first), captureName(match.second)];
    yield {
      severity: isFarOff(match) ? Severity.Warning : Severity.Note,
      certainty: Certainty.Certain,
      summary: `The clock of ${two} is ${Math.abs(offset).toFixed(3)} s ${offset > 0 ? 'ahead of' : 'behind'} that of ${one}.`,
      subject: {},
      exhibits: [
        {
          text: `the middle of ${match.matched} packets that both have`,
          places: [{ file: match.first.file }, { file: match.second.file }],
        },
      ],
      advice: [
        'Times of the two files are compared with this difference taken off. Let the nodes synchronize their clocks.',
      ],
      commands: ['timedatectl   # on both nodes', 'chronyc tracking   # on both nodes'],
    };
  }
}

export const captureTimesDiffer: Finding = {
  id: 'capture-times-differ',
  title: 'Captures are of other times or of other clusters',
  severity: Severity.Warning,
  looksAt: 'captures: their times, their VTEPs, and the times of packets that two of them have',
  fires:
    'captures of VTEPs that the first one lacks altogether, or that are a minute or more apart; clocks that differ by a second or more',
  means: 'Two ends can be compared only if both were captured at the same time, and times only if the clocks agree.',
  threads: [],
  explains: [],
  find,
};
