/** Faults: each shows in the packets that the report names, and only there. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FAULT_NAMES, FAULTS, type GenerateOptions } from '../../src/generate/index.js';
import { COLLIDING_SOURCES } from '../../src/generate/faults/esp-faults.js';
import { deriveSpi } from '../../src/overlay/index.js';
import type { SurveyReport } from '../../src/inspect/index.js';
import { type Generated, generated, surveyOf } from './generated.js';

const HEALTHY: GenerateOptions = { packets: 60 };
/** The nodes of the first fault among two healthy ones. */
const FIRST = 'node3';
const SECOND = 'node4';

function withFault(name: string, options: GenerateOptions = {}): Generated {
  const fault = FAULTS.find((one) => one.name === name);
  const view = fault?.twoCaptures === true ? { seenBy: SECOND } : {};
  return generated({ ...HEALTHY, ...view, faults: [name], ...options });
}

const codes = ({ problems }: SurveyReport): string[] => problems.map(({ code }) => code);

describe('a fault', () => {
  test('there are at least 25, and no two have the same name', () => {
    assert.ok(FAULT_NAMES.length >= 25);
    assert.equal(new Set(FAULT_NAMES).size, FAULT_NAMES.length);
  });

  for (const name of FAULT_NAMES) {
    test(`${name}: the report names packets of the capture, and nodes of their own`, async () => {
      for (const options of [{}, { encrypted: true }, { ipv6: true, underlayIpv6: true }]) {
        // FNV's collisions are searched among IPv4 addresses.
        if (name === 'spi-collision' && 'underlayIpv6' in options) continue;
        const made = withFault(name, options);
        const [truth] = made.report.faults;
        assert.equal(truth.fault, name);
        assert.ok(truth.count > 0);
        assert.equal(truth.packets.length, truth.count);
        for (const packet of truth.packets) assert.ok(packet >= 1 && packet <= made.report.packets + 1);
        assert.ok(!truth.nodes.includes('node1') && !truth.nodes.includes('node2'), truth.nodes.join());
        const survey = await surveyOf(made);
        const { inFrames, esp, other, held, dropped } = survey.accounting;
        const lost = Object.values(dropped).reduce((sum, count) => sum + count, 0);
        assert.equal(inFrames + esp + other + held + lost, survey.packets);
        // The record that the file's end cuts isn't read.
        assert.equal(survey.packets, made.report.packets - (name === 'capture-truncated' ? 1 : 0));
      }
    });
  }

  test('all at once are reported one by one', () => {
    const { report } = generated({ ...HEALTHY, faults: FAULT_NAMES, seenBy: 'node3' });
    assert.deepEqual(
      report.faults.map(({ fault }) => fault),
      FAULT_NAMES,
    );
  });

  test('mtu-too-big makes fragments, fragments-lost leaves them incomplete', async () => {
    const whole = await surveyOf(withFault('mtu-too-big'));
    assert.ok(whole.fragments.reassembled > 0);
    assert.equal(whole.fragments.held, 0);
    const lost = await surveyOf(withFault('fragments-lost'));
    assert.ok(lost.fragments.held > 0);
  });

  test('icv-invalid breaks exactly the ICVs of the packets that it names', async () => {
    const made = withFault('icv-invalid', { encrypted: true });
    const survey = await surveyOf(made);
    const failed = survey.esp.reduce((sum, row) => sum + Object.values(row.failed).reduce((a, b) => a + b, 0), 0);
    assert.equal(failed, made.report.faults[0].count);
  });

  test('unknown-spi is the only ESP that the key files do not open', async () => {
    const survey = await surveyOf(withFault('unknown-spi', { encrypted: true }));
    const closed = survey.esp.filter(({ opened, packets }) => opened < packets);
    assert.equal(closed.length, 2);
    assert.ok(closed.every(({ opened }) => opened === 0));
  });

  test('nonce-reuse reuses nonces, and nothing else does', async () => {
    const reused = (survey: SurveyReport): number => survey.esp.reduce((sum, row) => sum + row.nonceReused, 0);
    const made = withFault('nonce-reuse');
    assert.equal(reused(await surveyOf(made)), made.report.faults[0].count);
    assert.equal(reused(await surveyOf(withFault('replayed-packets'))), 0);
  });

  test('replayed-packets come twice, byte for byte', async () => {
    const made = withFault('replayed-packets');
    const survey = await surveyOf(made);
    assert.equal(
      survey.esp.reduce((sum, row) => sum + row.duplicates, 0),
      made.report.faults[0].count,
    );
  });

  test('checksum-broken-by-offload breaks TCP and UDP inside, and not ICMP', async () => {
    const survey = await surveyOf(withFault('checksum-broken-by-offload'));
    const bad = survey.checksums.filter((row) => row.bad > 0).map(({ name }) => name);
    assert.deepEqual(bad, ['inner TCP', 'inner UDP']);
  });

  test('nat-between-nodes breaks the outer UDP checksum alone', async () => {
    const survey = await surveyOf(withFault('nat-between-nodes'));
    const bad = survey.checksums.filter((row) => row.bad > 0).map(({ name }) => name);
    assert.deepEqual(bad, ['outer UDP']);
  });

  test('vxlan-reserved-bits and wrong-port are what inspect warns of', async () => {
    const reserved = await surveyOf(withFault('vxlan-reserved-bits'));
    assert.ok(Object.keys(reserved.accounting.dropped).length > 0);
    const port = await surveyOf(withFault('wrong-port'));
    assert.deepEqual(
      port.vxlanPorts.map((row) => row.port),
      [8472],
    );
  });

  test("spi-collision's nodes have the same SPI to any node under any key", () => {
    for (const tag of [1, 29_944, 4_000_000_000]) {
      for (const destination of [Uint8Array.of(192, 168, 50, 4), Uint8Array.of(10, 0, 0, 1)]) {
        const [one, other] = COLLIDING_SOURCES.map((source) => deriveSpi(source, destination, tag));
        assert.equal(one, other);
      }
    }
  });

  test('lost-between-captures: the sender has the packets, the receiver does not', () => {
    const name = 'lost-between-captures';
    const sent = withFault(name, { seenBy: FIRST }).report;
    const received = withFault(name, { seenBy: SECOND }).report;
    assert.equal(sent.packets - received.packets, 20);
    assert.equal(sent.faults[0].count, 20);
    assert.equal(received.faults[0].count, 20);
  });

  test('impairments are reported by what they did', async () => {
    const impairments = { loss: 0.05, reorder: 0.05, duplicates: 0.05, badIcv: 0.05, replays: 0.05, truncation: 0.05 };
    const made = generated({ packets: 3000, encrypted: true, impairments });
    assert.deepEqual(
      made.report.faults.map(({ fault }) => fault),
      ['loss', 'reorder', 'duplicates', 'bad-icv', 'replays', 'truncation'],
    );
    for (const { count } of made.report.faults) assert.ok(count > 50, String(count));
    const survey = await surveyOf(made);
    assert.equal(survey.packets, made.report.packets);
    assert.ok(codes(survey).length > 0);
  });
});
