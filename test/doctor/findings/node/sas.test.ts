import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NODE_FINDINGS } from '../../../../src/doctor/findings/node/index.js';
import { nodeBehindInRotation } from '../../../../src/doctor/findings/node/node-behind-in-rotation.js';
import { peerWithoutSas } from '../../../../src/doctor/findings/node/peer-without-sas.js';
import { saAcquire } from '../../../../src/doctor/findings/node/sa-acquire.js';
import { saAlgorithmsDiffer } from '../../../../src/doctor/findings/node/sa-algorithms-differ.js';
import { saForWrongAddress } from '../../../../src/doctor/findings/node/sa-for-wrong-address.js';
import { saIntegrityErrors } from '../../../../src/doctor/findings/node/sa-integrity-errors.js';
import { saKeysDiffer } from '../../../../src/doctor/findings/node/sa-keys-differ.js';
import { saReplayErrors } from '../../../../src/doctor/findings/node/sa-replay-errors.js';
import { saSequenceNearEnd } from '../../../../src/doctor/findings/node/sa-sequence-near-end.js';
import { spiFormsDiffer } from '../../../../src/doctor/findings/node/spi-forms-differ.js';
import { unspecifiedSaAddress } from '../../../../src/doctor/findings/node/unspecified-sa-address.js';
import { formatSpi } from '../../../../src/ipsec/index.js';
import { SpiForm } from '../../../../src/overlay/index.js';
import { isSilent, raises } from '../../assert-finding.js';
import {
  at,
  capture,
  changed,
  evidence,
  input,
  link,
  node,
  ONE,
  policy,
  sa,
  sasOf,
  spiOf,
  TAGS,
  TWO,
} from '../../swarm-evidence.js';

const one = (facts: Parameters<typeof node>[1]) => node('node1', { addresses: [ONE], ...facts });
const two = (facts: Parameters<typeof node>[1]) => node('node2', { addresses: [TWO], ...facts });

describe('SAs with 0.0.0.0 (moby/moby#30766)', () => {
  const sas = [
    sa('0.0.0.0', TWO, TAGS[1], { place: at('node1.xfrm', 1) }),
    sa(TWO, '0.0.0.0', TAGS[1], { place: at('node1.xfrm', 5) }),
  ];

  it('are found, with the lines', () => {
    const { exhibits, subject } = raises(
      unspecifiedSaAddress,
      evidence([one({ sas })]),
      /^2 SAs of node1 go to or from 0\.0\.0\.0/,
    );
    assert.deepEqual(exhibits[0].places, [at('node1.xfrm', 1), at('node1.xfrm', 5)]);
    assert.deepEqual(subject.nodes, ['node1', ONE]);
  });

  it('are normal in tunnel mode, where they match any peer, as those of Cilium', () => {
    isSilent(unspecifiedSaAddress, evidence([one({ sas: sas.map((each) => ({ ...each, mode: 'tunnel' })) })]));
  });
});

describe('SAs for the wrong address (moby/moby#34763, #37115)', () => {
  it('are found if the address is one of the node itself', () => {
    const own = link('docker_gwbridge', { addresses: ['172.22.0.1/16'] });
    const swarm = evidence([one({ sas: [sa(ONE, '172.22.0.1', TAGS[1], { sent: 9 })], links: [own] })]);
    raises(saForWrongAddress, swarm, /for the peer 172\.22\.0\.1, which is an address of node1 itself/);
    isSilent(saForWrongAddress, evidence([one({ sas: [sa(ONE, TWO, TAGS[1], { sent: 9 })], links: [own] })]));
  });

  it("are found if packets with the SA's SPI come from another address", () => {
    const sas = sasOf(ONE, TWO, 'xfrm');
    const esp = {
      spi: formatSpi(spiOf(TWO, ONE, TAGS[1])),
      source: '203.0.113.7',
      destination: ONE,
      inUdp: false,
      packets: 126,
      bytes: 1000,
      firstSequence: 1,
      lastSequence: 126,
      highestSequence: 126,
      opened: 0,
      failed: {},
      missingSequences: 0,
      repeatedSequences: 0,
      nonceReused: 0,
      ivRepeated: 0,
      duplicates: 0,
      key: null,
    };
    const diagnosis = raises(
      saForWrongAddress,
      evidence([one({ sas, captures: [capture({ esp: [esp] }, 'node1.pcap')] })]),
      /for packets from 192\.168\.50\.2, but they come from 203\.0\.113\.7/,
    );
    assert.equal(diagnosis.subject.spi, spiOf(TWO, ONE, TAGS[1]));
    isSilent(saForWrongAddress, evidence([one({ sas, captures: [capture({ esp: [{ ...esp, source: TWO }] })] })]));
  });

  it('are found if the peer, which has the address, sends from another one', () => {
    const receiver = one({ sas: sasOf(ONE, '10.9.9.2', 'node1.xfrm') });
    const sender = two({ sas: sasOf(TWO, ONE, 'node2.xfrm'), links: [link('eth1', { addresses: ['10.9.9.2/24'] })] });
    raises(
      saForWrongAddress,
      evidence([receiver, sender]),
      /node1 expects packets of node2 from 10\.9\.9\.2, but they are sent from 192\.168\.50\.2/,
    );
    const right = one({ sas: sasOf(ONE, TWO, 'node1.xfrm') });
    isSilent(saForWrongAddress, evidence([right, sender]));
  });
});

describe('a peer without SAs', () => {
  const sender = one({ sas: sasOf(ONE, TWO, 'node1.xfrm') });

  it('is found if it has no SA from an address that sends to it', () => {
    const receiver = two({ sas: sasOf(TWO, '192.168.50.3', 'node2.xfrm') });
    raises(
      peerWithoutSas,
      evidence([sender, receiver]),
      /^node2 has no SA for packets from node1 \(192\.168\.50\.1\)/,
      'error',
    );
    raises(peerWithoutSas, evidence([sender, two({ sas: [] })]), /^node2 has no SA/);
  });

  it('is only a warning while nothing is sent', () => {
    const idle = one({ sas: sender.sas.map((each) => ({ ...each, sent: 0 })) });
    raises(peerWithoutSas, evidence([idle, two({ sas: [] })]), /^node2 has no SA/, 'warning');
  });

  it("isn't found without the peer's SAs, or if it has SAs", () => {
    isSilent(peerWithoutSas, evidence([sender, two({})]));
    isSilent(peerWithoutSas, evidence([sender, two({ sas: sasOf(TWO, ONE, 'node2.xfrm') })]));
  });

  it("isn't found in inputs of different days, and is less certain in those of different hours", () => {
    const receiver = two({ sas: sasOf(TWO, '192.168.50.3', 'node2.xfrm') });
    const inputs = (apart: number) => [input('node1.xfrm', 'node1', 1000), input('node2.xfrm', 'node2', 1000 + apart)];
    assert.equal(raises(peerWithoutSas, evidence([sender, receiver], inputs(60)), /no SA/).certainty, 'certain');
    assert.equal(raises(peerWithoutSas, evidence([sender, receiver], inputs(7200)), /no SA/).certainty, 'possible');
    isSilent(peerWithoutSas, evidence([sender, receiver], inputs(90_000)));
  });
});

describe('SPIs of different forms (moby/moby#51798)', () => {
  it('are found, with the versions that make them', () => {
    const swarm = changed('node2', () => ({ sas: sasOf(TWO, ONE, 'node2.txt', TAGS, SpiForm.Short) }));
    const { exhibits, certainty } = raises(
      spiFormsDiffer,
      swarm,
      /^The SPIs of node2 are of the 4-byte form, those of node1 of the 16-byte form/,
    );
    assert.equal(certainty, 'certain');
    assert.match(exhibits[0].text, /4 SPIs of the 4-byte form, tags 29943, 29944 and 29945/);
  });

  it("aren't a missed rotation as well", () => {
    const swarm = changed('node2', () => ({ sas: sasOf(TWO, ONE, 'node2.txt', TAGS, SpiForm.Short) }));
    isSilent(nodeBehindInRotation, swarm);
  });

  it("aren't found if both nodes have the same form, or the SPIs are another program's", () => {
    const short = changed('node1', () => ({ sas: sasOf(ONE, TWO, 'node1.txt', TAGS, SpiForm.Short) }));
    isSilent(
      spiFormsDiffer,
      changed('node2', () => ({ sas: sasOf(TWO, ONE, 'node2.txt', TAGS, SpiForm.Short) }), short),
    );
    isSilent(
      spiFormsDiffer,
      changed('node2', ({ sas }) => ({ sas: sas.map((each, i) => ({ ...each, spi: 0xc0ffee00 + i })) })),
    );
  });
});

describe('a missed rotation', () => {
  it('is found, with the node that missed it', () => {
    const old = TAGS.map((tag) => tag - 4);
    const swarm = changed('node2', () => ({ sas: sasOf(TWO, ONE, 'node2.txt', old) }));
    const { exhibits } = raises(nodeBehindInRotation, swarm, /^node2 missed rotations that node1 has made/);
    assert.ok(
      exhibits.some(({ text }) => text.includes('newest tag 29941')),
      JSON.stringify(exhibits),
    );
  });

  it("is found for keys that aren't Swarm's, without saying who is behind", () => {
    const odd = (file: string, base: number) =>
      sasOf(ONE, TWO, file).map((each, i) => ({ ...each, spi: base + i, place: at(file) }));
    const a = one({ sas: odd('a', 0xc0ff_ee00) });
    const b = two({ sas: odd('b', 0xdead_be00).map((each) => ({ ...each, sent: 0 })) });
    raises(nodeBehindInRotation, evidence([a, b]), /^node1 and node2 don't have the same keys/);
  });

  it("isn't found between nodes one rotation apart, which understand each other", () => {
    const next = TAGS.map((tag) => tag + 1);
    isSilent(
      nodeBehindInRotation,
      changed('node2', () => ({ sas: sasOf(TWO, ONE, 'node2.txt', next) })),
    );
  });
});

describe('the same SA on two nodes', () => {
  it('has different keys', () => {
    const swarm = changed('node2', ({ sas }) => ({
      sas: sas.map((each) => (each.spi === spiOf(ONE, TWO, TAGS[1]) ? { ...each, keyId: 'deadbeef' } : each)),
    }));
    const { subject } = raises(saKeysDiffer, swarm, /has different keys on node1 and node2/);
    assert.equal(subject.spi, spiOf(ONE, TWO, TAGS[1]));
    const all = changed('node2', ({ sas }) => ({ sas: sas.map((each) => ({ ...each, keyId: 'deadbeef' })) }));
    raises(saKeysDiffer, all, /^SAs 0x[0-9a-f]{8} and 0x[0-9a-f]{8} between .* have different keys on node1 and node2/);
  });

  it("can't be compared without keys", () => {
    isSilent(
      saKeysDiffer,
      changed('node2', ({ sas }) => ({ sas: sas.map((each) => ({ ...each, keyId: undefined })) })),
    );
  });

  it('has another algorithm, ICV, mode or ESN', () => {
    const change = (changes: Parameters<typeof sa>[3]) =>
      changed('node2', ({ sas }) => ({ sas: sas.map((each, i) => (i === 1 ? { ...each, ...changes } : each)) }));
    raises(saAlgorithmsDiffer, change({ icvBits: 128 }), /differs in its ICV length/);
    raises(saAlgorithmsDiffer, change({ algorithm: 'cbc(aes)' }), /differs in its algorithm/);
    raises(saAlgorithmsDiffer, change({ mode: 'tunnel' }), /differs in its mode/);
    raises(saAlgorithmsDiffer, change({ esn: true }), /differs in its use of ESN/);
    isSilent(saAlgorithmsDiffer, change({ icvBits: 0, algorithm: '' }));
  });
});

describe('sequence numbers near their end (moby/moby#52005)', () => {
  const sending = (changes: Parameters<typeof sa>[3]) => evidence([one({ sas: [sa(ONE, TWO, TAGS[1], changes)] })]);

  it('have run out', () => {
    raises(saSequenceNearEnd, sending({ sent: 0xffffffff }), /has used all its sequence numbers/, 'error');
  });

  it('will run out before the rotation, at the rate until now', () => {
    // 250,000 a second for an hour: 900,000,000 sent, 13,579 s left, of 39,600 to the rotation.
    const swarm = sending({ sent: 900_000_000, added: '2026-11-21 00:00:00', used: '2026-11-21 01:00:00' });
    raises(saSequenceNearEnd, swarm, /3,394,967,295 sequence numbers left, which is 3 h 46 min/, 'warning');
  });

  it('are an error in their last hour', () => {
    const swarm = sending({ sent: 4_200_000_000, added: '2026-11-21 00:00:00', used: '2026-11-21 06:00:00' });
    raises(saSequenceNearEnd, swarm, /left, which is 8 min|left, which is 488 s/, 'error');
  });

  it('are near if nearly all are used, and the rate is unknown', () => {
    raises(
      saSequenceNearEnd,
      sending({ sent: 4_100_000_000, added: '', used: '' }),
      /has 194,967,295 sequence numbers left\.$/,
      'warning',
    );
    isSilent(saSequenceNearEnd, sending({ sent: 2_000_000_000, added: '', used: '' }));
  });

  it('last until the rotation at a lower rate, and for ever with ESN', () => {
    isSilent(
      saSequenceNearEnd,
      sending({ sent: 4_000_000_000, added: '2026-11-21 00:00:00', used: '2026-11-21 11:59:00' }),
    );
    isSilent(saSequenceNearEnd, sending({ sent: 0xffffffff, esn: true }));
  });
});

describe('entries and statistics', () => {
  it('show an acquire, for which no SA will come', () => {
    const swarm = changed('node1', ({ sas }) => ({ sas: [...sas, sa(ONE, TWO, TAGS[1], { spi: 0 })] }));
    raises(saAcquire, swarm, /^node1 has a policy but no SA for packets to 192\.168\.50\.2/);
  });

  it('wait for an IKE daemon that has a policy of its own', () => {
    const peer = '198.51.100.7';
    const swarm = changed('node1', ({ sas, policies }) => ({
      sas: [...sas, sa(ONE, peer, 0, { spi: 0 })],
      policies: [
        ...policies,
        policy(ONE, peer, 'node1.txt', { destinationPort: undefined, protocol: '', mark: '', spi: 0 }),
      ],
    }));
    raises(saAcquire, swarm, /^node1 has a policy but no SA for packets to 198\.51\.100\.7/, 'warning');
  });

  it('show packets with a wrong ICV, all or some', () => {
    const change = (packets: number) =>
      changed('node1', ({ sas }) => ({
        sas: sas.map((each, i) => (i === 0 ? { ...each, integrityErrors: 7, packets } : each)),
      }));
    raises(
      saIntegrityErrors,
      change(0),
      /dropped 7 packets of SA 0x[0-9a-f]{8} from 192\.168\.50\.2 because of a wrong ICV, and opened none/,
    );
    raises(saIntegrityErrors, change(1000), /because of a wrong ICV\.$/);
  });

  it('show replays', () => {
    const swarm = changed('node1', ({ sas }) => ({
      sas: sas.map((each, i) => (i === 0 ? { ...each, replayErrors: 3, replayWindow: 32 } : each)),
    }));
    raises(saReplayErrors, swarm, /dropped 3 packets of SA .* with a window of 32 packets/, 'warning');
  });
});

it('no finding about SAs shows a key or its fingerprint in a command', () => {
  const swarm = changed('node2', ({ sas }) => ({ sas: sas.map((each) => ({ ...each, keyId: 'deadbeef' })) }));
  for (const finding of NODE_FINDINGS) {
    for (const { commands = [], collect = [] } of finding.find(swarm)) {
      assert.doesNotMatch([...commands, ...collect].join('\n'), /deadbeef/);
    }
  }
});
