import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { diagnose, MAX_DIAGNOSES } from '../../src/doctor/diagnose.js';
import type { Evidence } from '../../src/doctor/evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity, type Subject } from '../../src/doctor/finding.js';

const NOTHING: Evidence = { nodes: [], inputs: [], gossip: null };

function diagnosis(subject: Subject, more: Partial<Diagnosis> = {}): Diagnosis {
  return {
    severity: Severity.Error,
    certainty: Certainty.Certain,
    summary: 'something is wrong',
    subject,
    exhibits: [],
    advice: [],
    ...more,
  };
}

function finding(id: string, explains: readonly string[], ...diagnoses: readonly Diagnosis[]): Finding {
  return {
    id,
    title: id,
    severity: Severity.Error,
    looksAt: '',
    fires: '',
    means: '',
    threads: [],
    explains,
    find: () => diagnoses,
  };
}

/** Ids of what is reported, and of consequences with their causes. */
function outcome(...findings: readonly Finding[]): readonly [reported: string[], consequences: string[]] {
  const { found, consequences } = diagnose(NOTHING, findings);
  return [
    found.map((one) => one.finding.id),
    consequences.map(({ found: one, cause }) => `${one.finding.id} by ${cause.finding.id}`),
  ];
}

describe('diagnose', () => {
  test('the most severe comes first, of these the most certain', () => {
    const { found } = diagnose(NOTHING, [
      finding('note', [], diagnosis({}, { severity: Severity.Note })),
      finding('possible', [], diagnosis({}, { certainty: Certainty.Possible })),
      finding('warning', [], diagnosis({}, { severity: Severity.Warning })),
      finding('certain', [], diagnosis({})),
      finding('likely', [], diagnosis({}, { certainty: Certainty.Likely })),
    ]);
    assert.deepEqual(
      found.map((one) => one.finding.id),
      ['certain', 'likely', 'possible', 'warning', 'note'],
    );
  });

  test('a cause hides its consequences between the same nodes in the same network', () => {
    const cause = finding('cause', ['effect'], diagnosis({ nodes: ['a', 'b'], vni: 4097 }));
    for (const [subject, hidden] of [
      [{ nodes: ['b'], vni: 4097 }, true],
      [{ nodes: ['b'] }, true],
      [{}, true],
      [{ nodes: ['c'], vni: 4097 }, false],
      [{ nodes: ['b'], vni: 4098 }, false],
    ] as const) {
      const expected = hidden ? [['cause'], ['effect by cause']] : [['cause', 'effect'], []];
      assert.deepEqual(outcome(cause, finding('effect', [], diagnosis(subject))), expected);
    }
  });

  test('what is between two nodes is not hidden by what is between one of them and a third', () => {
    const cause = finding('cause', ['effect'], diagnosis({ nodes: ['a', 'b'] }));
    for (const [subject, hidden] of [
      [{ nodes: ['b', 'a'] }, true],
      [{ nodes: ['b', 'c'] }, false],
      [{ nodes: ['b', 'c'], endpoints: ['10.0.9.3'] }, false],
      [{ nodes: ['c', 'a', 'b'] }, true],
    ] as const) {
      const expected = hidden ? [['cause'], ['effect by cause']] : [['cause', 'effect'], []];
      assert.deepEqual(outcome(cause, finding('effect', [], diagnosis(subject))), expected);
    }
  });

  test('an endpoint that both are about is the same matter, whichever node sends to it', () => {
    const endpoints = ['10.0.9.3'];
    const cause = finding('cause', ['effect'], diagnosis({ nodes: ['a', 'b'], endpoints }));
    assert.deepEqual(outcome(cause, finding('effect', [], diagnosis({ nodes: ['c', 'a'], endpoints }))), [
      ['cause'],
      ['effect by cause'],
    ]);
  });

  test('the addresses of a node without a name are one node', () => {
    const nameless = { name: '', addresses: ['192.168.50.1', 'fd00::1'] } as unknown as Evidence['nodes'][number];
    const { found } = diagnose({ ...NOTHING, nodes: [nameless] }, [
      finding('cause', ['effect'], diagnosis({ nodes: ['192.168.50.1', 'fd00::1'] })),
      finding('effect', [], diagnosis({ nodes: ['fd00::1', 'c'] })),
    ]);
    assert.deepEqual(
      found.map((one) => one.finding.id),
      ['cause'],
    );
  });

  test('a node is the same by its name and by each of its addresses', () => {
    const node = { name: 'a', addresses: ['192.168.50.1', 'fd00::1'] } as unknown as Evidence['nodes'][number];
    const { found } = diagnose({ ...NOTHING, nodes: [node] }, [
      finding('cause', ['effect'], diagnosis({ nodes: ['192.168.50.1'] })),
      finding(
        'effect',
        [],
        diagnosis({ nodes: ['a'] }),
        diagnosis({ nodes: ['fd00::1'] }),
        diagnosis({ nodes: ['b'] }),
      ),
    ]);
    assert.deepEqual(
      found.map(({ subject }) => subject.nodes),
      [['192.168.50.1'], ['b']],
    );
  });

  test('a possible cause hides nothing that is certain', () => {
    const possible = { certainty: Certainty.Possible };
    const cause = finding('cause', ['effect'], diagnosis({}, possible));
    assert.deepEqual(outcome(cause, finding('effect', [], diagnosis({}))), [['effect', 'cause'], []]);
    assert.deepEqual(outcome(cause, finding('effect', [], diagnosis({}, possible))), [['cause'], ['effect by cause']]);
  });

  test('a cause hides nothing that is more severe than itself', () => {
    const cause = finding('cause', ['effect'], diagnosis({}, { severity: Severity.Warning }));
    assert.deepEqual(outcome(cause, finding('effect', [], diagnosis({}))), [['effect', 'cause'], []]);
  });

  test('of findings that explain each other one stays', () => {
    assert.deepEqual(outcome(finding('a', ['b'], diagnosis({})), finding('b', ['a'], diagnosis({}))), [
      ['a'],
      ['b by a'],
    ]);
    const circle = [
      finding('a', ['b'], diagnosis({})),
      finding('b', ['c'], diagnosis({})),
      finding('c', ['a'], diagnosis({})),
    ];
    assert.deepEqual(outcome(...circle), [['a'], ['b by a', 'c by b']]);
  });

  test('of thousands of diagnoses of one finding fifty are listed, and the rest is counted', () => {
    const many = Array.from({ length: 1234 }, (_, vni) => diagnosis({ vni }));
    const { found, omitted } = diagnose(NOTHING, [finding('many', [], ...many)]);
    assert.equal(found.length, MAX_DIAGNOSES);
    assert.equal(omitted.get('many'), 1234 - MAX_DIAGNOSES);
  });

  test('of those that are left out, none is worse than what is listed', () => {
    const notes = Array.from({ length: 60 }, (_, vni) => diagnosis({ vni }, { severity: Severity.Note }));
    const { found, omitted } = diagnose(NOTHING, [finding('many', [], ...notes, diagnosis({ vni: 99 }))]);
    assert.equal(found.length, MAX_DIAGNOSES);
    assert.deepEqual([found[0].severity, found[0].subject.vni], [Severity.Error, 99]);
    assert.equal(omitted.get('many'), 11);
  });

  test('what to collect is listed once, and only for what is uncertain', () => {
    const { collect } = diagnose(NOTHING, [
      finding('a', [], diagnosis({}, { certainty: Certainty.Likely, collect: ['ip xfrm state', 'ip -d link'] })),
      finding('b', [], diagnosis({}, { certainty: Certainty.Possible, collect: ['ip xfrm state'] })),
      finding('c', [], diagnosis({}, { collect: ['never'] })),
    ]);
    assert.deepEqual(collect, ['ip xfrm state', 'ip -d link']);
  });
});
