import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FLOW_COLUMNS, type FlowColumn } from '../../../src/cli/inspect/flow-columns.js';
import { flowLines as styledLines, sortedFlows } from '../../../src/cli/inspect/flow-lines.js';
import { bareText } from '../../../src/cli/style.js';
import type { ConversationReport, ConversationSide, FlowReport } from '../../../src/inspect/index.js';
import { fixture } from '../../repository.js';
import { vtep } from '../run.js';

// The tests expect the default width.
delete process.env['COLUMNS'];

const NOTHING = { withoutIp: 0, unreadable: 0, strayFragments: 0, unlisted: 0 };

const FIRST = '2026-11-21T03:24:20.250000000Z';

function columnOf(name: string): FlowColumn {
  const column = FLOW_COLUMNS.find((one) => one.name === name);
  assert.ok(column !== undefined);
  return column;
}

function side(address: string, port: number | null, bytes = 1000): ConversationSide {
  const tcp = { tcpFlags: 0x12, retransmissions: 0, fastRetransmissions: 0, resets: 0, zeroWindows: 0 };
  return { address, port, packets: 10, bytes, payloadBytes: bytes, laterFragments: 0, ...tcp };
}

function conversation(fields: Partial<ConversationReport> = {}): ConversationReport {
  const a = side('10.0.9.3', 40_000);
  const b = side('10.0.9.4', 80);
  const tcp = { rttSeconds: 0.01, serverRttSeconds: 0.008, clientRttSeconds: 0.002 };
  const counts = { packets: 20, bytes: 2000, retransmissions: 0, resets: 0, zeroWindows: 0 };
  const time = { startTime: '2026-11-21T03:24:20.500000000Z', durationSeconds: 2, bitsPerSecond: 8000 };
  return { vni: 4097, protocol: 'TCP', protocolNumber: 6, family: 4, a, b, ...tcp, ...counts, ...time, ...fields };
}

function report(conversations: ConversationReport[], accounting: Partial<FlowReport['accounting']> = {}): FlowReport {
  const packets = 20 * conversations.length;
  return { conversations, accounting: { ...NOTHING, packets, inConversations: packets, ...accounting } };
}

const LONG = conversation({
  a: side('fd00:1234:5678:9abc:def0:1234:5678:9abc', 40_000),
  b: side('fd00:1234:5678:9abc:def0:1234:5678:1', 65_535),
  vni: 16_777_215,
  retransmissions: 123_456,
  resets: 1,
  zeroWindows: 2,
});

function flowLines(...given: Parameters<typeof styledLines>): string[] {
  return styledLines(...given).map(bareText);
}

describe('the table of conversations', () => {
  test('fits any width: columns are left out, then addresses lose their middle', () => {
    for (const sort of FLOW_COLUMNS) {
      for (let width = 55; width <= 220; width += 5) {
        const lines = flowLines(report([conversation(), LONG]), FIRST, sort, 0, width);
        for (const line of lines) assert.ok(line.length <= width, `${sort.name} ${width}: ${line}`);
        assert.ok(lines[2].includes(sort.column.heading));
      }
    }
    const [, , , short] = flowLines(report([LONG]), FIRST, columnOf('bytes'), 0, 80);
    assert.match(short, /\[fd00:1234:56…:9abc\]:40000 {2}\[fd00:1234:56…678:1\]:65535/);
  });

  test('has every column where there is room, and none that says nothing', () => {
    const full = flowLines(report([LONG]), FIRST, columnOf('bytes'), 0, 250)[2]
      .trim()
      .split(/ {2,}/);
    assert.equal(full.length, FLOW_COLUMNS.length);
    const plain = conversation({ vni: null, rttSeconds: null });
    const few = flowLines(report([plain]), FIRST, columnOf('bytes'), 0, 250)[2];
    assert.match(few, /^ {2}proto +A +B +packets +bytes +A→B +B→A +start +time +bit\/s +flags$/);
    assert.match(flowLines(report([plain]), FIRST, columnOf('rtt'), 0, 250)[2], / RTT /);
  });

  test('names the columns that do not fit; in the width that it gives, all do', () => {
    const [row] = [conversation({ retransmissions: 1 })];
    const print = (width: number): string[] => flowLines(report([row]), FIRST, columnOf('bytes'), 0, width);
    const [, whole] = /\(not shown: .*flags; COLUMNS=(\d+) shows all\)/.exec(print(80).join('')) ?? [];
    assert.match(print(80)[2], / packets +bytes +bit\/s +RTT +retr$/);
    assert.match(print(Number(whole))[2], / packets .* flags$/);
    assert.doesNotMatch(print(Number(whole)).join(' '), /not shown/);
    assert.match(print(Number(whole) - 1).join(' '), /not shown: flags;/);
  });

  test('leaves out the RTT before retransmissions', () => {
    const heads = flowLines(report([conversation({ retransmissions: 1 })]), FIRST, columnOf('bytes'), 0, 66)[2];
    assert.match(heads, / retr$/);
    assert.doesNotMatch(heads, /RTT/);
  });

  test('counts starts from the first packet of the capture', () => {
    const later = conversation({ startTime: '2026-11-21T03:24:22.750000000Z' });
    const [, , , first, second] = flowLines(report([later, conversation()]), FIRST, columnOf('start'), 0, 250);
    assert.match(first, / 0\.250 /);
    assert.match(second, / 2\.500 /);
  });

  test('says how many rows are left out, and which packets are in no conversation', () => {
    const flows = report([conversation(), conversation()], { withoutIp: 3, strayFragments: 1200 });
    assert.deepEqual(flowLines(flows, FIRST, columnOf('bytes'), 1, 250).slice(-2), [
      '  ... and 1 more (--rows 0 shows all)',
      '  Packets in no conversation: 3 without IP, 1,200 fragments without their first',
    ]);
    assert.deepEqual(flowLines(report([]), FIRST, columnOf('bytes'), 1, 80), ['', 'Conversations: none']);
  });
});

describe('sorting', () => {
  const rows = [
    conversation({ bytes: 5, rttSeconds: null, vni: null, a: side('10.0.9.20', 1) }),
    conversation({ bytes: 50, rttSeconds: 0.1, vni: 9, a: side('10.0.9.3', 9), protocol: 'UDP' }),
    conversation({ bytes: 20, rttSeconds: 0.5, vni: 7, a: side('10.0.9.3', 10), protocol: 'ICMP' }),
  ];
  const order = (name: string): number[] => sortedFlows(rows, columnOf(name)).map((row) => rows.indexOf(row));

  test('puts large counts first, and names and addresses in ascending order', () => {
    assert.deepEqual(order('bytes'), [1, 2, 0]);
    assert.deepEqual(order('protocol'), [2, 0, 1]);
    assert.deepEqual(order('a'), [1, 2, 0]);
  });

  test('puts missing values last, and keeps the order of equal ones', () => {
    assert.deepEqual(order('rtt'), [2, 1, 0]);
    assert.deepEqual(order('vni'), [2, 1, 0]);
    assert.deepEqual(order('packets'), [0, 1, 2]);
  });
});

describe('vtep inspect --flows', () => {
  test('lists conversations outside overlays only if asked, or if there are no others', async () => {
    const capture = fixture('docker/03-vip-http.underlay.pcap');
    const [inside, all] = [
      (await vtep(['inspect', capture, '--flows'])).stdout,
      (await vtep(['inspect', capture, '--flows', '--outside'])).stdout,
    ];
    assert.doesNotMatch(inside, /192\.168\.50\.2:7946/);
    assert.match(inside, /Outside the overlays: 11 conversations \(--outside lists them\)/);
    assert.match(all, /192\.168\.50\.2:7946/);
    assert.doesNotMatch(all, /Outside the overlays/);
    const { stdout } = await vtep(['inspect', fixture('docker/07-encrypted.web2.pcap'), '--flows']);
    assert.match(stdout, /10\.0\.11\.\d+:\d+/);
    assert.doesNotMatch(stdout, /Outside the overlays/);
  });

  test('is what tables of a capture without an overlay point to', async () => {
    const { stdout } = await vtep(['inspect', fixture('docker/07-encrypted.web2.pcap')]);
    assert.match(stdout, /^ {2}No overlay traffic; --flows shows who talks to whom$/m);
    for (const path of ['docker/03-vip-http.underlay.pcap', 'docker/07-encrypted.esp.pcap']) {
      assert.doesNotMatch((await vtep(['inspect', fixture(path)])).stdout, /No overlay traffic/);
    }
  });

  test('shows a recording in 80 columns', async () => {
    const { status, stdout } = await vtep(
      ['inspect', fixture('docker/03-vip-http.underlay.pcap'), '--flows', '--rows', '3'],
      { columns: 80 },
    );
    assert.equal(status, 0);
    const lines = stdout.split('\n');
    const table = lines.slice(lines.indexOf('Conversations, by bytes'));
    assert.deepEqual(table.slice(0, 7), [
      'Conversations, by bytes',
      '   VNI  proto  A               B            packets  bytes  bit/s      RTT  retr',
      '  4097  TCP    10.0.9.7:35390  10.0.9.3:80       65  71.4k  5.35M  4.99 ms     1',
      '  4097  ICMP   10.0.9.10       10.0.9.9          10  6,612  20.5k',
      '  4097  TCP    10.0.9.7:55302  10.0.9.3:80       24  1,832   120k  13.8 ms',
      '  (not shown: A→B, B→A, start, time, flags; COLUMNS=121 shows all)',
      '  ... and 4 more (--rows 0 shows all)',
    ]);
    for (const line of lines.slice(4)) assert.ok(line.length <= 80, line);
  });

  test('warns of packets beyond --max-flows', async () => {
    const path = fixture('docker/03-vip-http.underlay.pcap');
    const { status, stdout } = await vtep(['inspect', path, '--flows', '--max-flows', '3', '--strict']);
    assert.equal(status, 1);
    assert.match(stdout, /Packets in no conversation: [\d,]+ of conversations beyond the limit/);
    assert.match(stdout, /warning +[\d,]+ +FLOWS_FULL/);
  });
});
