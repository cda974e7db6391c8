/** Retransmissions and handshake RTTs of random connections, compared with tshark's analysis. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { type Conversation, surveyFlows } from '../../../src/inspect/index.js';
import { dice } from '../../ipsec/build.js';
import { missing } from '../../repository.js';
import { captureOf, pcapOf, type Segment, tcpFrame } from './tcp-frame.js';

const CONNECTIONS = 400;
const folder = mkdtempSync(join(tmpdir(), 'vtep-flows-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A connection whose segments are lost, repeated, reordered and acknowledged at random. */
function connection(port: number, start: number): Segment[] {
  const pick = dice(port);
  const segments: Segment[] = [];
  let at = start;
  const rtt = [200, 5000, 40_000][pick(3)];
  const [isnA, isnB] = [pick(2) === 0 ? 0xffff_fff0 : 1000 + pick(1000), 5000 + pick(1000)];
  const push = (segment: Omit<Segment, 'at' | 'port'>): void => void segments.push({ ...segment, at, port });
  if (pick(8) > 0) {
    push({ flags: 'S', sequence: isnA });
    if (pick(6) === 0) {
      at += 1_000_000;
      push({ flags: 'S', sequence: isnA });
    }
    at += rtt;
    push({ fromA: false, flags: 'SA', sequence: isnB, acknowledgment: isnA + 1 });
    at += 50;
    push({ flags: 'A', sequence: isnA + 1, acknowledgment: isnB + 1 });
  }
  let sent = isnA + 1;
  let returned = isnB + 1;
  let acknowledged = sent;
  for (let step = 0; step < 40; step++) {
    at += [30, 800, 4000, 25_000, 300_000][pick(5)];
    const window = pick(12) === 0 ? 0 : 1000;
    // Every second connection has data in one direction only.
    switch (pick(port % 2 === 0 ? 9 : 8)) {
      case 0:
      case 1: {
        const length = 1 + pick(3) * 50;
        push({ flags: 'AP', sequence: sent, acknowledgment: returned, length });
        sent += length;
        break;
      }
      case 2: {
        // Out of order.
        const length = 20 + pick(100);
        push({ flags: 'A', sequence: sent + length, acknowledgment: returned, length });
        at += [100, 9000, 90_000][pick(3)];
        push({ flags: 'A', sequence: sent, acknowledgment: returned, length });
        sent += 2 * length;
        break;
      }
      case 3: {
        // Any part of what was sent, acknowledged or not.
        const sequence = Math.min(sent, acknowledged - 60 + pick(200));
        push({ flags: 'A', sequence, acknowledgment: returned, length: Math.min(pick(120), sent - sequence) });
        break;
      }
      case 4:
      case 5:
        if (pick(2) === 0) acknowledged = Math.max(isnA + 1, sent - pick(2) * pick(100));
        push({ fromA: false, flags: 'A', sequence: returned, acknowledgment: acknowledged, window });
        break;
      case 6:
        for (let i = 0; i < 3; i++) {
          push({ fromA: false, flags: 'A', sequence: returned, acknowledgment: acknowledged });
          at += 10;
        }
        push({
          flags: 'A',
          sequence: acknowledged,
          acknowledgment: returned,
          length: Math.min(50, sent - acknowledged),
        });
        break;
      case 7:
        push({ flags: 'A', sequence: sent - 1, acknowledgment: returned, length: pick(2) });
        break;
      default: {
        const length = pick(200);
        const back = Math.min(pick(2) * pick(300), returned - isnB - 1);
        push({ fromA: false, flags: 'A', sequence: returned - back, acknowledgment: acknowledged, length });
        returned = Math.max(returned, returned - back + length);
      }
    }
  }
  if (pick(2) === 0) push({ flags: 'FA', sequence: sent, acknowledgment: isnB + 1 });
  if (pick(3) === 0) push({ flags: 'FA', sequence: sent, acknowledgment: isnB + 1 });
  if (pick(4) === 0) push({ fromA: false, flags: 'R', sequence: isnB + 1 });
  return segments;
}

interface Analysed {
  retransmissions: number;
  fastRetransmissions: number;
  zeroWindows: number;
  resets: number;
  rttSeconds: number | null;
}

/** @returns what tshark found by the port of side A, and the ports of connections with acknowledgments of unseen data */
function tshark(path: string): { found: Map<number, Analysed>; lossy: Set<number> } {
  const fields = [
    'tcp.srcport',
    'tcp.dstport',
    'tcp.analysis.retransmission',
    'tcp.analysis.fast_retransmission',
    'tcp.analysis.zero_window',
    'tcp.flags.reset',
    'tcp.analysis.initial_rtt',
    'tcp.analysis.ack_lost_segment',
  ];
  const call = spawnSync('tshark', ['-r', path, '-T', 'fields', ...fields.flatMap((field) => ['-e', field])], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  assert.equal(call.status, 0, call.stderr);
  const found = new Map<number, Analysed>();
  const lossy = new Set<number>();
  for (const line of call.stdout.split('\n').slice(0, -1)) {
    const [source, destination, repeated, fast, zero, reset, rtt, lost] = line.split('\t');
    const port = source === '80' ? Number(destination) : Number(source);
    const row = found.get(port) ?? {
      retransmissions: 0,
      fastRetransmissions: 0,
      zeroWindows: 0,
      resets: 0,
      rttSeconds: null,
    };
    found.set(port, row);
    if (repeated !== '') row.retransmissions++;
    if (fast !== '') row.fastRetransmissions++;
    if (zero !== '') row.zeroWindows++;
    if (reset === '1') row.resets++;
    if (rtt !== '') row.rttSeconds = Number(rtt);
    if (lost !== '') lossy.add(port);
  }
  return { found, lossy };
}

function analysed({ a, b, ...row }: Conversation): Analysed {
  return {
    retransmissions: row.retransmissions,
    fastRetransmissions: a.fastRetransmissions + b.fastRetransmissions,
    zeroWindows: row.zeroWindows,
    resets: row.resets,
    rttSeconds: row.rttSeconds,
  };
}

describe('random connections', { skip: missing('tshark') }, () => {
  test('have the retransmissions, zero windows, resets and RTTs that tshark finds', async () => {
    const segments = Array.from({ length: CONNECTIONS }, (_, i) => connection(20_000 + i, i * 2_000_000)).flat();
    segments.sort((one, other) => one.at - other.at);
    const path = join(folder, 'random.pcap');
    writeFileSync(path, pcapOf(segments.map((segment) => ({ frame: tcpFrame(segment), at: segment.at }))));
    const { found: expected, lossy } = tshark(path);
    const { conversations } = await surveyFlows(await captureOf(segments));
    assert.equal(conversations.length, CONNECTIONS);
    const got = new Map(conversations.map((row) => [row.a.port === 80 ? row.b.port : row.a.port, analysed(row)]));
    // After an acknowledgment of data that the capture lacks, tshark takes every repetition for a fast retransmission.
    for (const port of lossy) {
      for (const table of [got, expected] as Map<number | null, Analysed>[]) {
        const row = table.get(port);
        assert.ok(row !== undefined);
        table.set(port, { ...row, retransmissions: 0, fastRetransmissions: 0 });
      }
    }
    assert.deepEqual(got, expected);
    assert.ok(lossy.size < CONNECTIONS / 2, `${lossy.size}`);
    const total = [...expected.values()].reduce((sum, row) => sum + row.retransmissions, 0);
    assert.ok(total > 1000, `${total}`);
  });
});
