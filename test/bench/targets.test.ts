import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type BenchReport, type BenchResult, type PeerResult, Stage } from '../../bench/result.js';
import { Outcome, targetsOf } from '../../bench/targets.js';
import { peer, report, result } from './sample-report.js';

function outcomes(of: BenchReport): Record<string, string> {
  return Object.fromEntries(targetsOf(of).map(({ what, aim, outcome }) => [`${what}: ${aim}`, outcome]));
}

function outcomeOf(name: string, results: readonly BenchResult[], peers: readonly PeerResult[] = []): string {
  const outcome = outcomes(report(results, peers))[name];
  assert.ok(outcome in Object.fromEntries(Object.values(Outcome).map((word) => [word, true])), name);
  return outcome;
}

describe('targets', () => {
  for (const stage of [Stage.Seal, Stage.Open]) {
    const cipher = (backend: string): BenchResult => result({ stage, bytes: 1400, backend, nsPerPacket: 500 });
    const object = (nsPerPacket: number): PeerResult => peer({ stage, bytes: 1400, nsPerPacket });
    const loop = (nsPerPacket: number): PeerResult => ({ ...object(nsPerPacket), peer: 'ipsec-mb in C' });

    test(`${stage} by openssl must be 6 times as fast as one cipher object per packet`, () => {
      const name = `${stage} 1400 bytes, openssl: at least 6 x createCipheriv per packet`;
      assert.equal(outcomeOf(name, [cipher('openssl')], [object(3000)]), Outcome.Reached);
      assert.equal(outcomeOf(name, [cipher('openssl')], [object(2999)]), Outcome.NotReached);
      assert.equal(outcomeOf(name, [cipher('openssl')]), Outcome.NotMeasured);
      assert.equal(outcomeOf(name, [cipher('ipsec-mb')], [object(3000)]), Outcome.NotMeasured);
    });

    test(`${stage} by ipsec-mb must be 20 times as fast as that, and 0.9 times as fast as its C loop`, () => {
      const twenty = `${stage} 1400 bytes, ipsec-mb: at least 20 x createCipheriv per packet`;
      assert.equal(outcomeOf(twenty, [cipher('ipsec-mb')], [object(10000)]), Outcome.Reached);
      assert.equal(outcomeOf(twenty, [cipher('ipsec-mb')], [object(9999)]), Outcome.NotReached);
      const nearly = `${stage} 1400 bytes, ipsec-mb: at least 0.9 x its C loop`;
      assert.equal(outcomeOf(nearly, [cipher('ipsec-mb')], [loop(450)]), Outcome.Reached);
      assert.equal(outcomeOf(nearly, [cipher('ipsec-mb')], [loop(449)]), Outcome.NotReached);
    });
  }

  test('a C loop measured in several ways counts as its fastest', () => {
    const cipher = result({ stage: Stage.Seal, bytes: 1400, backend: 'ipsec-mb', nsPerPacket: 500 });
    const loop = { peer: 'ipsec-mb', stage: Stage.Seal, bytes: 1400 };
    const peers = [peer({ ...loop, nsPerPacket: 600 }), peer({ ...loop, nsPerPacket: 200 })];
    const name = 'seal 1400 bytes, ipsec-mb: at least 0.9 x its C loop';
    assert.equal(outcomeOf(name, [cipher], peers), Outcome.NotReached);
  });

  test('the encrypted chain must send 2.1 Mpps of IMIX with its best cipher', () => {
    const at = (nsPerPacket: number, best = nsPerPacket): BenchResult[] => [
      result({ bytes: 'imix', backend: 'ipsec-mb', nsPerPacket, best }),
      result({ bytes: 'imix', backend: 'node', nsPerPacket: 4000 }),
    ];
    const name = 'encrypted egress, IMIX: at least 2.1 Mpps';
    assert.equal(outcomeOf(name, at(476)), Outcome.Reached);
    assert.equal(outcomeOf(name, at(477)), Outcome.NotReached);
    // A busy machine's median may miss what its best round reaches: both are shown.
    assert.equal(outcomeOf(name, at(477, 476)), Outcome.AtBest);
  });

  test('the encrypted chain must send 20 Gbit/s of 1400 bytes, and 10 times as many as with node', () => {
    const chain = (backend: string, nsPerPacket: number): BenchResult => result({ bytes: 1400, backend, nsPerPacket });
    const speed = 'encrypted egress, 1400 bytes: at least 20 Gbit/s';
    assert.equal(outcomeOf(speed, [chain('ipsec-mb', 560)]), Outcome.Reached);
    assert.equal(outcomeOf(speed, [chain('ipsec-mb', 561)]), Outcome.NotReached);
    const ratio = 'encrypted egress, 1400 bytes: at least 10 x the same through node';
    assert.equal(outcomeOf(ratio, [chain('ipsec-mb', 500), chain('node', 5000)]), Outcome.Reached);
    assert.equal(outcomeOf(ratio, [chain('ipsec-mb', 500), chain('node', 4999)]), Outcome.NotReached);
    assert.equal(outcomeOf(ratio, [chain('ipsec-mb', 500)]), Outcome.NotMeasured);
  });

  test('the encrypted chain must take less than 120 ns more than the C loop for 1400 bytes', () => {
    const name = 'encrypted egress, 1400 bytes, beyond the C loop: below 120 ns';
    const chain = result({ bytes: 1400, backend: 'ipsec-mb', nsPerPacket: 500 });
    const loop = (nsPerPacket: number): PeerResult =>
      peer({ peer: 'ipsec-mb in C', stage: Stage.Seal, bytes: 1400, nsPerPacket });
    assert.equal(outcomeOf(name, [chain], [loop(381)]), Outcome.Reached);
    assert.equal(outcomeOf(name, [chain], [loop(380)]), Outcome.NotReached);
    assert.equal(outcomeOf(name, [chain]), Outcome.NotMeasured);
  });

  test('10,000 tunnels must take at most 1.3 x the time of 100, in the worst case', () => {
    const name = '10,000 tunnels: at most 1.3 x the time of 100';
    const tunnels = (...ratios: number[]): BenchReport => ({
      ...report([]),
      tunnels: ratios.map((ratio) => ({
        stage: Stage.Seal,
        profile: 'swarm',
        bytes: 64,
        backend: 'ipsec-mb',
        tunnels: [100, 10_000],
        nsPerPacket: [100, 100 * ratio],
        ratio,
      })),
    });
    assert.equal(outcomes(tunnels(1.1, 1.3))[name], Outcome.Reached);
    assert.equal(outcomes(tunnels(1.31, 1.1))[name], Outcome.NotReached);
    assert.equal(outcomes(tunnels())[name], Outcome.NotMeasured);
  });

  for (const stage of [Stage.Egress, Stage.Ingress]) {
    test(`the clear ${stage} chain must take less than 60 ns for 64 bytes`, () => {
      const name = `clear ${stage}, 64 bytes: below 60 ns`;
      const clear = (nsPerPacket: number): BenchResult => result({ stage, encrypted: false, nsPerPacket });
      assert.equal(outcomeOf(name, [clear(59.9)]), Outcome.Reached);
      assert.equal(outcomeOf(name, [clear(60)]), Outcome.NotReached);
      assert.equal(outcomeOf(name, [{ ...clear(10), encrypted: true }]), Outcome.NotMeasured);
    });
  }

  test('a report without results reaches or misses nothing', () => {
    assert.deepEqual(new Set(Object.values(outcomes(report([])))), new Set([Outcome.NotMeasured]));
  });
});
