/** A capture shows packets as they are before the network card finishes them. */
import { captureName, capturesOf, counted } from '../../capture/index.js';
import { listed } from '../../derived/wording.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

const CODES = ['CHECKSUM_PARTIAL', 'SUPER_FRAMES', 'LENGTH_UNSET'] as const;

function* find(evidence: Evidence): Generator<Diagnosis> {
  for (const { node, capture } of capturesOf(evidence)) {
    const found = capture.survey.problems.filter(({ code }) => CODES.some((each) => each === code));
    if (found.length === 0) continue;
    const count = (code: string): number => found.find((problem) => problem.code === code)?.count ?? 0;
    const parts = [
      [count('CHECKSUM_PARTIAL'), counted(count('CHECKSUM_PARTIAL'), 'partial checksum')],
      [count('SUPER_FRAMES'), counted(count('SUPER_FRAMES'), 'frame') + ' larger than the wire takes'],
      [count('LENGTH_UNSET'), counted(count('LENGTH_UNSET'), 'packet') + ' without an IP length'],
    ].flatMap(([some, text]) => ((some as number) > 0 ? [text as string] : []));
    yield {
      severity: Severity.Note,
      certainty: Certainty.Certain,
      summary: `${captureName(capture)} was captured on a node with offloads on: nothing is wrong with ${listed(parts)}.`,
      subject: node === '' ? {} : { nodes: [node] },
      exhibits: found.map(({ count: times, message }) => ({
        text: `${times} ${message}`,
        places: [{ file: capture.file }],
      })),
      advice: [
        'Sizes and checksums in this capture are not those on the wire. To see those, capture on another machine, or with offloads off, which costs throughput: switch them on again afterwards.',
      ],
      commands: [
        `ethtool -K DEVICE tso off gso off gro off tx off${node === '' ? '' : `   # on ${node}`}`,
        'ethtool -K DEVICE tso on gso on gro on tx on   # afterwards',
      ],
    };
  }
}

export const capturedBeforeOffload: Finding = {
  id: 'captured-before-offload',
  title: 'A capture shows packets as offloads leave them, not as on the wire',
  severity: Severity.Note,
  looksAt: 'captures: partial checksums, frames larger than a link takes, IP lengths of 0',
  fires: 'there are any',
  means:
    'With offloads, the kernel leaves segmentation and checksums to the network card, after the point where captures are taken, and that of a receiver merges segments before it. The packets are right on the wire.',
  threads: ['moby/moby#41775'],
  explains: [],
  find,
};
