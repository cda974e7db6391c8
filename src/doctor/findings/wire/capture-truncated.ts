/** A capture isn't whole. */
import { captureName, capturesOf, counted, shareText } from '../../capture/index.js';
import { CAPTURE_COMMAND } from '../../derived/capture-command.js';
import type { CaptureEvidence, ExaminedFile } from '../../evidence/capture.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

function filesOf({ file, files, damage }: CaptureEvidence): readonly Pick<ExaminedFile, 'name' | 'damage'>[] {
  return files ?? [{ name: file, damage }];
}

function* find(evidence: Evidence): Generator<Diagnosis> {
  for (const { capture } of capturesOf(evidence)) {
    const { survey, unlisted } = capture;
    const file = captureName(capture);
    const place = [{ file: capture.file }];
    const truncated = survey.accounting.dropped['CAPTURE_TRUNCATED'] ?? 0;
    if (truncated > 0) {
      yield {
        severity: Severity.Warning,
        certainty: Certainty.Certain,
        summary: `${counted(truncated, 'packet')} of ${file} (${shareText(truncated, survey.packets)}) are cut off by the snaplen: findings about their contents may be missing.`,
        subject: {},
        exhibits: [{ text: `${truncated} of ${counted(survey.packets, 'packet')} cut off`, places: place }],
        advice: ['Capture whole packets.'],
        commands: [CAPTURE_COMMAND],
      };
    }
    for (const { name, damage } of filesOf(capture)) {
      if (damage === undefined) continue;
      yield {
        severity: Severity.Warning,
        certainty: Certainty.Certain,
        summary: `${name} could not be read to its end: what comes later is missing.`,
        subject: {},
        exhibits: [{ text: damage, places: [{ file: name }] }],
        advice: ['Stop the program that writes it before copying it, or copy it again.'],
      };
    }
    if (unlisted > 0) {
      yield {
        severity: Severity.Note,
        certainty: Certainty.Certain,
        summary: `${file} has more addresses, SPIs or events than doctor follows: some are not in its findings.`,
        subject: {},
        exhibits: [{ text: `${counted(unlisted, 'packet')} or events beyond the tables`, places: place }],
        advice: ['Split the capture by time or by host, and give one part at a time.'],
        commands: ['editcap -i 60 FILE PART'],
      };
    }
  }
}

export const captureTruncated: Finding = {
  id: 'capture-truncated',
  title: 'A capture is not whole',
  severity: Severity.Warning,
  looksAt: 'captures: lengths, damage, and the bounds of doctor itself',
  fires: 'packets are cut off, the file ends in the middle of a packet or is damaged, or a table of doctor is full',
  means: 'What is missing can hide a fault: a clean bill of health covers only what was captured.',
  threads: [],
  explains: [],
  find,
};
