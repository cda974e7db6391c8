/** Healthy traffic: what is ordered is there, and nothing is wrong with it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type GenerateOptions, TRAFFIC_KINDS } from '../../src/generate/index.js';
import { parseConfig } from '../../src/overlay/files.js';
import type { SurveyReport } from '../../src/inspect/index.js';
import { byWorkers, generated, surveyOf } from './generated.js';

const ALL = Object.fromEntries(TRAFFIC_KINDS.map((kind) => [kind, 1]));

/** Wrong and absent checksums. */
const wrong = ({ checksums }: SurveyReport): string[] =>
  checksums.filter(({ bad, partial, absent }) => bad + partial + absent > 0).map(({ name }) => name);

const SHAPES: readonly (readonly [name: string, options: GenerateOptions])[] = [
  ['clear', {}],
  ['encrypted', { encrypted: true }],
  ['encrypted with the strict profile', { encrypted: true, profile: 'strict' }],
  ['with IPv6 inside', { ipv6: true }],
  ['with an IPv6 underlay', { underlayIpv6: true }],
  ['with IPv6 inside and outside, encrypted', { ipv6: true, underlayIpv6: true, encrypted: true }],
  ['with VLAN tags inside and outside', { vlan: 7, innerVlan: 9, encrypted: true }],
  ['with retransmissions', { retransmissions: 0.3 }],
  ['on ten nodes with three networks', { nodes: 10, networks: 3, flows: 60, encrypted: true, rotations: 2 }],
  ['in pcapng', { format: 'pcapng', encrypted: true }],
];

describe('generated traffic', () => {
  for (const [name, options] of SHAPES) {
    test(`${name}: every packet decodes, every checksum and ICV is right, and inspect has no warning`, async () => {
      const made = generated({ packets: 1500, traffic: ALL, ...options });
      const survey = await surveyOf(made);
      assert.equal(survey.packets, made.report.packets);
      assert.ok(survey.packets > 1400 && survey.packets <= 1500, String(survey.packets));
      assert.equal(survey.accounting.inFrames, survey.packets);
      assert.deepEqual(wrong(survey), []);
      assert.deepEqual(
        survey.problems.filter(({ severity }) => severity === 'warning'),
        [],
      );
      assert.equal(made.bytes.length, made.report.bytes);
      assert.equal(
        survey.esp.every(({ packets, opened }) => packets === opened),
        true,
      );
      assert.equal(survey.esp.length > 0, options.encrypted === true);
    });
  }

  test('larger than the MTU: outer fragments, which reassemble to right packets', async () => {
    for (const options of [
      {},
      { encrypted: true },
      { underlayIpv6: true, encrypted: true },
      { format: 'pcapng' },
    ] as const) {
      const made = generated({
        packets: 400,
        innerMtu: 4000,
        sizes: [{ lowest: 100, highest: 4000, weight: 1 }],
        ...options,
      });
      const survey = await surveyOf(made);
      assert.ok(made.report.packets > 400);
      assert.ok(survey.fragments.reassembled > 100);
      assert.equal(survey.fragments.held, 0);
      assert.equal(survey.accounting.inFrames, survey.packets);
      assert.deepEqual(wrong(survey), []);
    }
  });

  test('the same seed and options give the same bytes, another seed others', () => {
    const options = { packets: 500, encrypted: true, traffic: ALL } as const;
    assert.deepEqual(generated(options).bytes, generated(options).bytes);
    assert.notDeepEqual(generated({ ...options, seed: 2 }).bytes, generated(options).bytes);
  });

  test('any number of workers gives the same bytes', () => {
    for (const options of [
      { packets: 6000, encrypted: true, faults: ['fragments-lost', 'icv-invalid', 'capture-truncated'] },
      { packets: 6000, format: 'pcapng', impairments: { reorder: 0.1, replays: 0.1, truncation: 0.1 } },
    ] as const) {
      const { bytes } = generated(options);
      assert.ok(bytes.length > 2 << 20);
      for (const workers of [2, 3]) assert.deepEqual(byWorkers(options, workers), bytes);
    }
  });

  test('packets and rate set the duration, the start is the time of the first packet, and times never go back', async () => {
    const made = generated({ packets: 2000, rate: 400 });
    assert.ok(made.report.seconds > 4.9 && made.report.seconds <= 5, String(made.report.seconds));
    const survey = await surveyOf(made);
    assert.equal(survey.firstTime, '2026-01-01T00:00:00.000000000Z');
    assert.ok(Math.abs(survey.durationSeconds - made.report.seconds) < 0.001);
  });

  for (const options of [
    { rate: 10, duration: 60 },
    { rate: 1000, duration: 20, flows: 10_000 },
    { rate: 1000, duration: 20, flows: 10_000, traffic: { tcp: 1 } },
    { rate: 1e6, duration: 0.01, flows: 100 },
    { packets: 100, duration: 3600 },
  ]) {
    test(`${JSON.stringify(options)}: packets and duration are as asked, however many flows there are`, () => {
      const { packets, seconds, flows } = generated(options).report;
      const duration = options.duration;
      const wanted = options.packets ?? (options.rate ?? 0) * duration;
      assert.ok(packets > 0.98 * wanted && packets <= wanted, String(packets));
      assert.ok(seconds > 0.9 * duration && seconds < 1.0001 * duration, String(seconds));
      assert.ok(flows <= wanted / 2, String(flows));
    });
  }

  test('rotations come after equal shares of the duration', async () => {
    const options = { packets: 3000, rate: 100, encrypted: true, rotations: 2 } as const;
    const { esp } = await surveyOf(generated(options));
    const shares = esp.map(({ packets }) => packets);
    assert.equal(shares.length, 6);
    for (const share of shares) assert.ok(share > 350 && share < 650, shares.join());
  });

  test('balanced flows of more nodes than the network has addresses share balancers', () => {
    for (const kind of ['vip', 'ingress'] as const) {
      const { report } = generated({ packets: 3000, nodes: 1000, flows: 330, traffic: { [kind]: 1 } });
      assert.ok(report.packets > 2900);
    }
  });

  test('a rate of a million packets per second is kept', () => {
    const { seconds } = generated({ packets: 20_000, rate: 1e6, flows: 200 }).report;
    assert.ok(seconds > 0.015 && seconds < 0.03, String(seconds));
  });

  test('a size is reached, and not much exceeded', () => {
    const { bytes } = generated({ bytes: 500_000 }).report;
    // Each of the twenty flows ends the exchange that it has begun.
    assert.ok(bytes > 490_000 && bytes < 700_000, String(bytes));
  });

  test('UDP sizes are those ordered', async () => {
    const sizes = [{ lowest: 300, highest: 300, weight: 1 }];
    const survey = await surveyOf(generated({ packets: 100, traffic: { udp: 1 }, sizes }));
    assert.deepEqual([survey.sizes.inner.smallest, survey.sizes.inner.largest], [314, 314]);
  });

  test('a snaplen keeps the length on the wire', async () => {
    for (const encrypted of [false, true]) {
      const made = generated({ packets: 300, snaplen: 80, encrypted });
      const whole = generated({ packets: 300, encrypted });
      const [short, long] = [await surveyOf(made), await surveyOf(whole)];
      assert.equal(short.packets, long.packets);
      assert.equal(short.bytes, long.bytes);
      assert.ok(made.bytes.length < whole.bytes.length);
    }
  });

  test("its config describes the capture's nodes, networks, endpoints and keys", () => {
    const { generator } = generated({ packets: 50, encrypted: true, traffic: ALL, nodes: 3 });
    const topology = parseConfig(generator.config());
    assert.equal(topology.nodes.length, 3);
    assert.equal(topology.ring?.keys.length, 3);
    assert.deepEqual(
      topology.networks.map(({ vni, encrypted }) => [vni, encrypted]),
      [
        [4097, true],
        [4096, true],
      ],
    );
    assert.equal(topology.endpoints.length, generator.topology.endpoints.length);
  });

  test('the commands set up every SA of the key file', () => {
    const { generator } = generated({ packets: 50, encrypted: true });
    const commands = generator.xfrmCommands().match(/^ip xfrm state add .* spi 0x[0-9a-f]{8} .* 64$/gm) ?? [];
    assert.equal(commands.length, generator.report().sas);
    const [banner, ...lines] = generator.espSa().trim().split('\n');
    assert.match(banner, /^# A generated capture .*seed 1\)/);
    assert.equal(lines.length, commands.length);
  });
});
