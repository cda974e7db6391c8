/** Assertions about what a finding finds. */
import assert from 'node:assert/strict';
import type { Evidence } from '../../src/doctor/evidence/evidence.js';
import type { Diagnosis, Finding, Severity } from '../../src/doctor/finding.js';

/** The one diagnosis that evidence leads to. Checks what every diagnosis has to have. */
export function raises(finding: Finding, evidence: Evidence, summary: RegExp, severity?: Severity): Diagnosis {
  const diagnoses = [...finding.find(evidence)];
  assert.equal(diagnoses.length, 1, `one diagnosis: ${diagnoses.map((one) => one.summary).join('; ')}`);
  const [diagnosis] = diagnoses;
  assert.match(diagnosis.summary, summary);
  if (severity !== undefined) assert.equal(diagnosis.severity, severity);
  checkDiagnosis(finding, diagnosis);
  return diagnosis;
}

/** Checks that evidence leads to nothing. */
export function isSilent(finding: Finding, evidence: Evidence): void {
  assert.deepEqual(
    [...finding.find(evidence)].map(({ summary }) => `${finding.id}: ${summary}`),
    [],
  );
}

const ORDER: readonly Severity[] = ['note', 'warning', 'error'];

/** Checks what every diagnosis has to have. */
export function checkDiagnosis(
  finding: Finding,
  { severity, summary, exhibits, advice, certainty, collect }: Diagnosis,
): void {
  assert.ok(ORDER.indexOf(severity) <= ORDER.indexOf(finding.severity), 'no worse than the finding');
  assert.doesNotMatch(summary, /undefined|NaN|\n/);
  assert.match(summary, /[^.]\.$/);
  assert.ok(exhibits.length > 0 && exhibits.every(({ places = [] }) => places.length <= 5));
  assert.ok(
    exhibits.some(({ places = [] }) => places.length > 0),
    'a place that shows it',
  );
  for (const { text } of exhibits) assert.doesNotMatch(text, /undefined|NaN|\.$/);
  assert.ok(advice.length > 0 && advice.every((sentence) => sentence.endsWith('.')), advice.join('\n'));
  if (certainty === 'possible')
    assert.ok((collect ?? []).length > 0, 'what is to be collected, where it is only possible');
}
