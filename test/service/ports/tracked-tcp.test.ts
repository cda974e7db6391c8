/** Connections at a task as the kernel's conntrack follows them: 1,090 sequences of segments, each with its last state. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { TaskPorts } from '../../../src/service/index.js';
import { Column, ROW_WORDS } from '../../../src/service/balance/table/connection-row.js';
import { fixture } from '../../repository.js';
import { ACK, CLIENT, FIN, frameOf, RST, SYN, TASK } from './packet.js';

const STATES = [
  'NONE',
  'SYN_SENT',
  'SYN_RECV',
  'ESTABLISHED',
  'FIN_WAIT',
  'CLOSE_WAIT',
  'LAST_ACK',
  'TIME_WAIT',
  'CLOSE',
  'SYN_SENT2',
];
const FLAGS: Readonly<Record<string, number>> = { S: SYN, SA: SYN | ACK, FA: FIN | ACK, A: ACK, R: RST, N: 0 };

/**
 * Two that TaskPorts follows otherwise. The kernel takes the server's SYN ACK after a SYN that it had ignored for a new
 * connection; here the old one goes on, and translates the same. The kernel ignores a SYN after a reset by the server;
 * here it begins another connection.
 */
const OTHERWISE: Readonly<Record<string, string>> = { '>A >S <SA': 'ESTABLISHED', '>S <A <R >S': 'SYN_SENT' };

/** The state after a sequence: `>` from the client, `<` from the task. */
function stateAfter(sequence: string): string {
  const ports = [{ protocol: 'tcp', published: 8080, target: 80 }] as const;
  const rules = new TaskPorts({ address: TASK.join('.'), ports, maxConnections: 2 });
  for (const segment of sequence.split(' ')) {
    const flags = FLAGS[segment.slice(1)];
    if (segment.startsWith('>')) {
      const frame = frameOf({ flags });
      rules.toTask(frame, 0, frame.length, 0);
    } else {
      const frame = frameOf({ from: TASK, to: CLIENT, ports: [80, 20_000], flags });
      rules.fromTask(frame, 0, frame.length, 0);
    }
  }
  let state = 0;
  rules.connections.forEach((row) => {
    state = (rules.connections.rows[row * ROW_WORDS + Column.Meta] >>> 16) & 0xff;
    return true;
  });
  return STATES[state];
}

describe('a tracked TCP connection', () => {
  test('is in the state in which the kernel has it', () => {
    const lines = readFileSync(fixture('services/conntrack-tcp.txt'), 'utf8').trimEnd().split('\n');
    const different: string[] = [];
    for (const line of lines) {
      const [sequence, expected] = line.split(' = ');
      const state = stateAfter(sequence);
      if (state !== (OTHERWISE[sequence] ?? expected)) different.push(`${line}, not ${state}`);
    }
    assert.deepEqual(different, []);
    assert.ok(lines.length >= 1090, `${lines.length} sequences`);
  });
});
