import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RateMeter } from '../../../src/cli/capture/live-rates.js';
import { liveLines, type LiveState } from '../../../src/cli/capture/live-view.js';
import { bareText } from '../../../src/cli/style.js';
import { openCaptureFile } from '../../../src/capture/index.js';
import { Survey, type SurveyReport } from '../../../src/inspect/index.js';
import { fixture } from '../../repository.js';

/** The survey of a recording after half of its packets, and after all. */
async function halves(name: string): Promise<[SurveyReport, SurveyReport]> {
  const source = await openCaptureFile(fixture(name));
  const survey = new Survey({ checksums: false });
  const reports: SurveyReport[] = [];
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
    for (let i = 0; i < batch.count; i++) {
      survey.add(batch, i);
      if (survey.report(source).packets === 208) reports.push(survey.report(source));
    }
  }
  reports.push(survey.report(source));
  await source.close();
  return [reports[0], reports[reports.length - 1]];
}

const [first, second] = await halves('docker/03-vip-http.underlay.pcap');

function state(more: Partial<LiveState> = {}): LiveState {
  const meter = new RateMeter(0);
  meter.measure(first, 1);
  const rates = meter.measure(second, 3);
  return { name: 'eth0', seconds: 3, kernelDrops: 0, rates, problems: [], sort: 'b', keys: true, ...more };
}

function shown(of: LiveState, rows: number, columns: number): string[] {
  return liveLines(of, { rows, columns }).map(bareText);
}

describe('rates', () => {
  test('are the difference to the survey before, per second', () => {
    const { total, networks } = state().rates;
    assert.equal(total.packets, second.packets);
    assert.equal(total.packetsPerSecond, (second.packets - first.packets) / 2);
    assert.equal(total.bitsPerSecond, ((second.bytes - first.bytes) * 8) / 2);
    assert.equal(networks[0].packetsPerSecond, (second.networks[0].frames - (first.networks[0]?.frames ?? 0)) / 2);
  });

  test('are zero for no time', () => {
    const meter = new RateMeter(1);
    assert.equal(meter.measure(second, 1).total.packetsPerSecond, 0);
  });

  test('count ESP without keys, and only once with them', async () => {
    const [, esp] = await halves('docker/07-encrypted.underlay.pcap');
    const { pairs } = new RateMeter(0).measure(esp, 1);
    assert.deepEqual(
      pairs.map(({ packets }) => packets),
      esp.tunnels.map(({ espPackets }) => espPackets),
    );
    const opened = {
      ...esp,
      cipher: { name: 'node', skipped: [] },
      tunnels: esp.tunnels.map((row) => ({ ...row, frames: row.espPackets })),
    };
    assert.deepEqual(
      new RateMeter(0).measure(opened, 1).pairs.map(({ packets }) => packets),
      esp.tunnels.map(({ espPackets }) => espPackets),
    );
  });
});

describe('the live view', () => {
  const warning = { code: 'BAD', severity: 'warning', count: 3, message: 'a problem' } as const;
  const note = { code: 'ODD', severity: 'note', count: 1, message: 'a note' } as const;

  test('has exactly as many lines as the window, none of them too wide for its tables', () => {
    for (const rows of [5, 8, 14, 24, 50]) {
      for (const columns of [40, 60, 80, 200]) {
        const lines = shown(state({ problems: [note, warning] }), rows, columns);
        assert.equal(lines.length, rows);
        for (const line of lines.slice(1, -1)) assert.ok(line.length <= columns, line);
      }
    }
  });

  test('shows problems before everything else, warnings first, and the keys last', () => {
    const lines = shown(state({ problems: [note, warning], kernelDrops: 7 }), 24, 80);
    assert.match(lines[0], /^eth0: .* packets\/s, .* bit\/s; 7 dropped by the kernel; /);
    assert.match(lines[1], /warning +3 +BAD +a problem/);
    assert.match(lines[2], /note +1 +ODD +a note/);
    assert.equal(lines.at(-1), 'sort by p packets/s  b bit/s  t total  n name  q quit');
  });

  test('never lets problems fill a small window', () => {
    const many = Array.from({ length: 30 }, (_, i) => ({ ...warning, code: `BAD_${i}` }));
    const lines = shown(state({ problems: many }), 18, 80);
    assert.ok(lines.includes('  ... and 25 more problems'), lines.join('\n'));
    assert.ok(lines.some((line) => line.startsWith('Networks')));
  });

  test('has a row of each table in a window of 16 lines, and says how many there are', () => {
    const lines = shown(state(), 16, 80);
    for (const title of ['Networks', 'VTEPs', 'Endpoints, by what they send (']) {
      assert.ok(
        lines.some((line) => line.startsWith(title)),
        `${title}: ${lines.join('\n')}`,
      );
    }
  });

  test('sorts by the key', () => {
    const names = (sort: LiveState['sort']): string[] =>
      shown(state({ sort }), 50, 100).flatMap((line) => /^ +4097 {2}(10\.\S+)/.exec(line)?.slice(1) ?? []);
    assert.deepEqual(names('n'), ['10.0.9.3', '10.0.9.4', '10.0.9.5', '10.0.9.6', '10.0.9.7', '10.0.9.9', '10.0.9.10']);
    const bytes = new Map(second.endpoints.map(({ ip, sentBytes }) => [ip, sentBytes]));
    const byTotal = names('t').map((ip) => bytes.get(ip) ?? 0);
    assert.deepEqual(
      byTotal,
      [...byTotal].sort((a, b) => b - a),
    );
    assert.notDeepEqual(names('t'), names('n'));
  });

  test('names Ctrl-C where keys cannot be read', () => {
    assert.equal(shown(state({ keys: false }), 24, 80).at(-1), 'sorted by bit/s; Ctrl-C stops');
  });
});
