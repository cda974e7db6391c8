/** A cause hides its consequences: what doctor says of a whole fault, all findings together. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { diagnose } from '../../../src/doctor/diagnose.js';
import type { CaptureEvidence } from '../../../src/doctor/evidence/capture.js';
import type { NodeEvidence } from '../../../src/doctor/evidence/evidence.js';
import { Severity } from '../../../src/doctor/finding.js';
import { ESP_FINDINGS } from '../../../src/doctor/findings/esp/index.js';
import { GOSSIP_FINDINGS } from '../../../src/doctor/findings/gossip/index.js';
import { TRAFFIC_FINDINGS } from '../../../src/doctor/findings/traffic/index.js';
import { WIRE_FINDINGS } from '../../../src/doctor/findings/wire/index.js';
import { wrongKeys } from '../capture/keys.js';
import {
  A,
  B,
  back,
  captured,
  echo,
  evidenceOf,
  every,
  fragments,
  gossip,
  inner,
  node,
  ONE,
  recorded,
  sealed,
  tcp,
  there,
  tunnelled,
  TWO,
} from '../capture/packets.js';
import { networkView } from '../capture/views.js';

const FINDINGS = [...WIRE_FINDINGS, ...ESP_FINDINGS, ...TRAFFIC_FINDINGS, ...GOSSIP_FINDINGS];

/** Ids of what is reported above a note, and of what is hidden. */
function saidOf(captures: readonly CaptureEvidence[], ...others: readonly NodeEvidence[]) {
  const { found, consequences } = diagnose(evidenceOf(captures, ...others), FINDINGS);
  const reported = found.filter(({ severity }) => severity !== Severity.Note);
  return {
    reported: [...new Set(reported.map(({ finding }) => finding.id))],
    hidden: [...new Set(consequences.map(({ found: { finding } }) => finding.id))].sort(),
  };
}

describe('causes and consequences', () => {
  test('clear VXLAN of an encrypted network, which the receiver drops', async () => {
    const pings = Array.from({ length: 5 }, (_, i) => there(echo(A, B, false, 40, i)));
    const capture = await captured(every(1, [...pings, gossip(TWO, ONE), gossip(ONE, TWO)]));
    assert.deepEqual(saidOf([capture], node({ networks: [networkView({ encrypted: true })] })), {
      reported: ['clear-vxlan-on-encrypted-network'],
      hidden: ['one-sided-traffic'],
    });
  });

  test('a path that is too small: downloads hang, and send again and again', async () => {
    const ports = [80, 40_000] as const;
    const packets = [
      there(tcp({ flags: 'S', sequence: 99, acknowledgment: 0 })),
      back(tcp({ from: B, to: A, ports, flags: 'SA', sequence: 199, acknowledgment: 100 })),
      there(tcp({ sequence: 100, acknowledgment: 200, length: 80 })),
      back(tcp({ from: B, to: A, ports, sequence: 200, acknowledgment: 180 })),
      ...Array.from({ length: 14 }, () =>
        back(tcp({ from: B, to: A, ports, sequence: 200, acknowledgment: 180, length: 1400 })),
      ),
    ];
    assert.deepEqual(saidOf([await captured(every(0.4, packets))]), {
      reported: ['mtu-too-big'],
      hidden: ['retransmission-storm'],
    });
  });

  test('fragments of which the rests are filtered', async () => {
    const packets = Array.from(
      { length: 6 },
      (_, i) => fragments(tunnelled(inner(echo(A, B, false, 1464, i))), 1500, i)[0],
    );
    const answer = fragments(tunnelled(inner(echo(B, A, true, 1464), B, A), { from: TWO, to: ONE }), 1500, 7);
    assert.deepEqual(saidOf([await captured([...every(1, packets), ...every(0.001, answer, 0.5)])]), {
      reported: ['mtu-too-big'],
      hidden: ['fragments-lost'],
    });
  });

  test('ESP that is blocked between two captures', async () => {
    const esp = every(
      0.5,
      Array.from({ length: 20 }, (_, i) => sealed(i + 1)),
    );
    const gossiped = every(
      0.5,
      Array.from({ length: 20 }, (_, i) => gossip(i % 2 === 0 ? ONE : TWO, i % 2 === 0 ? TWO : ONE, `ping ${i}`)),
    );
    assert.deepEqual(saidOf([await captured([...esp, ...gossiped]), await captured(gossiped)]), {
      reported: ['esp-blocked-between-captures'],
      hidden: ['one-sided-esp'],
    });
  });

  test('a wrong key', async () => {
    const capture = await recorded('esp/04-esp-wrong-key.underlay.pcap', wrongKeys());
    assert.deepEqual(saidOf([capture]).reported, ['icv-invalid']);
  });

  test('two endpoints with one address', async () => {
    const of = (from: string, mac: string): Uint8Array => tunnelled(inner(echo(), A, B, mac), { from });
    const turns = [of(ONE, '02:42:0a:00:09:03'), of('192.168.50.3', '02:42:0a:00:09:63')];
    const capture = await captured(every(1, [...turns, ...turns, ...turns, back(echo(B, A, true))]));
    assert.deepEqual(saidOf([capture]).reported, ['duplicate-address']);
  });

  test('both ends show the same fault: it is said once, with the packets of both', async () => {
    const esp = every(
      0.3,
      Array.from({ length: 10 }, (_, i) => sealed(i + 1)),
    );
    const ends = [await captured(esp), await captured([...esp, { at: 1, packet: gossip(TWO, ONE) }])];
    const { found } = diagnose(evidenceOf(ends), FINDINGS);
    const oneSided = found.filter(({ finding }) => finding.id === 'one-sided-esp');
    assert.equal(oneSided.length, 1);
    // The end that has more to say decides.
    assert.equal(oneSided[0].certainty, 'likely');
    assert.equal(oneSided[0].exhibits.length, 3);
  });

  test('a healthy overlay: nothing', async () => {
    const packets = Array.from({ length: 6 }, (_, i) => [
      there(echo(A, B, false, 40, i)),
      back(echo(B, A, true, 40, i)),
      gossip(ONE, TWO, `ping ${i}`),
      gossip(TWO, ONE, `ack ${i}`),
    ]).flat();
    const capture = await captured(every(0.5, packets));
    assert.deepEqual(saidOf([capture, capture]), { reported: [], hidden: [] });
  });
});
