/** Findings from captures of both ends of a tunnel. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MemoryReader, openCapture } from '../../../../src/capture/index.js';
import { Certainty, Severity } from '../../../../src/doctor/finding.js';
import { captureTimesDiffer } from '../../../../src/doctor/findings/wire/capture-times-differ.js';
import { espBlockedBetweenCaptures } from '../../../../src/doctor/findings/wire/esp-blocked-between-captures.js';
import { lostBetweenCaptures } from '../../../../src/doctor/findings/wire/lost-between-captures.js';
import { mtuTooBig } from '../../../../src/doctor/findings/wire/mtu-too-big.js';
import { vxlanPortTaken } from '../../../../src/doctor/findings/wire/vxlan-port-taken.js';
import {
  A,
  B,
  captured,
  diagnosed,
  echo,
  every,
  examined,
  gossip,
  inner,
  ONE,
  packetsOf,
  pcapOf,
  sealed,
  there,
  type Timed,
  tunnelled,
  TWO,
} from '../../capture/packets.js';

const esp = every(
  0.5,
  Array.from({ length: 20 }, (_, i) => sealed(i + 1)),
);
const frames = every(
  0.5,
  Array.from({ length: 20 }, (_, i) => there(echo(A, B, false, 60, i))),
);
const gossiped = every(
  0.5,
  Array.from({ length: 20 }, (_, i) => gossip(ONE, TWO, `ping ${i}`)),
);
const acknowledged = every(
  0.5,
  Array.from({ length: 20 }, (_, i) => gossip(TWO, ONE, `ack ${i}`)),
  0.01,
);

/** A frame that is sent again and again. */
const SAME = inner(echo());

function later(packets: readonly Timed[], seconds: number): Timed[] {
  return packets.map(({ at, packet }) => ({ at: at + seconds, packet }));
}

describe('lost-between-captures', () => {
  test('what one end has and the other lacks, within the time that both cover', async () => {
    const sent = await captured(esp);
    const arrived = await captured(
      later(
        esp.filter((_, i) => i < 5 || i > 8),
        0.002,
      ),
    );
    const [diagnosis, ...rest] = diagnosed(lostBetweenCaptures, sent, arrived);
    assert.equal(rest.length, 0);
    assert.equal(diagnosis.severity, Severity.Error);
    assert.match(diagnosis.summary, /^4 packets of ESP from 192\.168\.50\.1 to 192\.168\.50\.2 \(20\.0 %\)/);
    assert.deepEqual(packetsOf(diagnosis), [6, 7, 8, 9]);
    // The other way around, it is the same.
    assert.equal(diagnosed(lostBetweenCaptures, arrived, sent)[0].summary, diagnosis.summary);
  });

  test('a capture that begins later or ends earlier has lost nothing', async () => {
    const sent = await captured([...esp, ...frames]);
    const part = await captured([...esp, ...frames].filter(({ at }) => at > 2 && at < 8));
    assert.deepEqual(diagnosed(lostBetweenCaptures, sent, part), []);
  });

  test('clocks that differ are corrected by the packets that both have', async () => {
    const sent = await captured(esp);
    const arrived = await captured(
      later(
        esp.filter((_, i) => i < 5 || i > 8),
        -7,
      ),
    );
    const [diagnosis] = diagnosed(lostBetweenCaptures, sent, arrived);
    assert.match(diagnosis.summary, /^4 packets/);
    const [clock] = diagnosed(captureTimesDiffer, sent, arrived);
    assert.match(clock.summary, /7\.000 s behind/);
    assert.equal(clock.severity, Severity.Note);
  });

  test('frames in clear are matched by their bytes, those that are the same one by one', async () => {
    const same = every(
      0.5,
      Array.from({ length: 12 }, () => tunnelled(SAME)),
    );
    const [diagnosis] = diagnosed(
      lostBetweenCaptures,
      await captured(same),
      await captured(same.filter((_, i) => i % 3 > 0)),
    );
    assert.match(diagnosis.summary, /VXLAN/);
    assert.deepEqual(diagnosed(lostBetweenCaptures, await captured(same), await captured(later(same, 0.001))), []);
  });
});

describe('esp-blocked-between-captures', () => {
  test('no ESP arrives, gossip does: ESP is blocked, and that is all', async () => {
    const sent = await captured([...esp, ...gossiped]);
    const arrived = await captured(gossiped);
    const [diagnosis] = diagnosed(espBlockedBetweenCaptures, sent, arrived);
    assert.equal(diagnosis.severity, Severity.Error);
    assert.match(diagnosis.summary, /^ESP from 192\.168\.50\.1 to 192\.168\.50\.2 is blocked on the way/);
    assert.ok(diagnosis.commands?.some((command) => command.includes('-p esp')));
    assert.ok(diagnosis.exhibits.some(({ text }) => text.includes('20 of gossip over UDP from 192.168.50.1')));
    assert.deepEqual(diagnosed(lostBetweenCaptures, sent, arrived), []);
    assert.deepEqual(diagnosed(vxlanPortTaken, sent, arrived), []);
  });

  test('both ways: one diagnosis', async () => {
    const answers = every(
      0.5,
      Array.from({ length: 20 }, (_, i) => sealed(i + 1, { spi: 7, from: TWO, to: ONE })),
      0.1,
    );
    const both = [...gossiped, ...acknowledged];
    const first = await captured([...esp, ...both]);
    const diagnoses = diagnosed(espBlockedBetweenCaptures, first, await captured([...answers, ...both]));
    assert.equal(diagnoses.length, 1);
    assert.equal(diagnoses[0].certainty, Certainty.Certain);
    assert.match(diagnoses[0].summary, /^ESP between 192\.168\.50\.1 and 192\.168\.50\.2 is blocked/);
  });

  test('a capture without any ESP may have a filter without it: only likely', async () => {
    const [diagnosis] = diagnosed(
      espBlockedBetweenCaptures,
      await captured([...esp, ...gossiped]),
      await captured(gossiped),
    );
    assert.equal(diagnosis.certainty, Certainty.Likely);
    assert.match(diagnosis.advice[0], /filter that takes ESP/);
  });

  test('a capture of the other direction alone, as of a mirror port, does not show that ESP is blocked', async () => {
    const sent = await captured([...esp, ...gossiped, ...acknowledged]);
    const mirrored = await captured(acknowledged);
    assert.deepEqual(diagnosed(espBlockedBetweenCaptures, sent, mirrored), []);
    const lost = diagnosed(lostBetweenCaptures, sent, mirrored);
    assert.ok(lost.length > 0);
    for (const { severity, certainty } of lost) {
      assert.deepEqual([severity, certainty], [Severity.Warning, Certainty.Possible]);
    }
  });

  test('ESP that arrives is not blocked', async () => {
    const sent = await captured([...esp, ...gossiped]);
    assert.deepEqual(diagnosed(espBlockedBetweenCaptures, sent, await captured([...esp, ...gossiped])), []);
  });
});

describe('vxlan-port-taken', () => {
  test('no VXLAN arrives, gossip does', async () => {
    const sent = await captured([...frames, ...gossiped]);
    const arrived = await captured(gossiped);
    const [diagnosis] = diagnosed(vxlanPortTaken, sent, arrived);
    assert.equal(diagnosis.severity, Severity.Error);
    assert.deepEqual(diagnosis.subject.nodes, [ONE, TWO]);
    assert.deepEqual(diagnosed(espBlockedBetweenCaptures, sent, arrived), []);
    assert.deepEqual(diagnosed(vxlanPortTaken, sent, await captured([...frames, ...gossiped])), []);
  });

  test('packets that the other capture has cut are not lost', async () => {
    const packets = [
      ...every(
        0.5,
        Array.from({ length: 12 }, (_, i) => there(echo(A, B, false, i % 2 === 0 ? 1200 : 0, i))),
      ),
      ...gossiped,
    ];
    const whole = await captured(packets);
    const cut = await examined(await openCapture(new MemoryReader(pcapOf(packets, 96))), {});
    for (const finding of [vxlanPortTaken, lostBetweenCaptures, mtuTooBig]) {
      assert.deepEqual(diagnosed(finding, whole, cut), []);
      assert.deepEqual(diagnosed(finding, cut, whole), []);
    }
  });
});

describe('capture-times-differ', () => {
  test('captures of different hours, and of different clusters', async () => {
    const now = await captured(frames);
    const [hours, ...rest] = diagnosed(captureTimesDiffer, now, await captured(later(gossipedFrames(), 7200)));
    assert.equal(rest.length, 0);
    assert.match(hours.summary, /was not captured at the same time/);
    const other = frames.map(({ at }, i) => ({
      at,
      packet: tunnelled(inner(echo(A, B, false, 99, i)), { from: '10.9.9.1', to: '10.9.9.2' }),
    }));
    const [cluster] = diagnosed(captureTimesDiffer, now, await captured(other));
    assert.match(cluster.summary, /has no VTEP in common/);
  });

  test('files that follow each other are parts of one capture: nothing', async () => {
    const part = (size: number): Uint8Array[] =>
      Array.from({ length: 20 }, (_, i) => there(echo(A, B, false, size, i)));
    const parts = [0, 50, 100, 150].map((seconds) => captured(every(0.5, part(100 + seconds), seconds)));
    assert.deepEqual(diagnosed(captureTimesDiffer, ...(await Promise.all(parts))), []);
  });

  test('captures of the same minute: nothing', async () => {
    assert.deepEqual(diagnosed(captureTimesDiffer, await captured(frames), await captured(frames)), []);
  });

  test('a capture of a container has no VTEPs, and fits all', async () => {
    const container = await captured(every(1, [inner(echo())]));
    assert.deepEqual(diagnosed(captureTimesDiffer, await captured(later(frames, 9000)), container), []);
  });
});

/** Frames that the other capture doesn't have. */
function gossipedFrames(): Timed[] {
  return every(
    0.5,
    Array.from({ length: 4 }, (_, i) => there(echo(A, B, false, 77, i))),
  );
}
