/** Options that make no sense are refused, in words. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CaptureGenerator, FAULT_NAMES, type GenerateOptions, parseSizes } from '../../src/generate/index.js';

const REFUSED: readonly (readonly [options: GenerateOptions, message: RegExp])[] = [
  [{ nodes: 1 }, /nodes must be an integer from 2 to 1000/],
  [{ packets: 1, rate: 1, duration: 1 }, /the third follows from the other two/],
  [{ packets: 1e9, rate: 1 }, /take more than 9 years/],
  [{ faults: ['spi-collision'], underlayIpv6: true }, /spi-collision needs nodes with IPv4 addresses/],
  [{ faults: ['mtu-to-big'] }, /no fault is called "mtu-to-big"; did you mean mtu-too-big/],
  [{ traffic: { tpc: 1 } as GenerateOptions['traffic'] & object }, /no traffic is called "tpc"; did you mean tcp/],
  [{ traffic: { tcp: 0 } }, /no traffic/],
  [{ seenBy: 'node9' }, /no node is called "node9"; they are node1 to node2/],
  [{ faults: ['lost-between-captures'] }, /generate it twice, as seen by each of them/],
  [{ mtu: 1000, underlayIpv6: true }, /mtu must be an integer from 1280/],
  [{ impairments: { loss: 2 } }, /loss must be a number from 0 to 1/],
  [{ sizes: [] }, /at least one size/],
  [{ packets: 1 }, /1 packets are too few: this traffic takes at least 2/],
  [{ packets: 5, traffic: { tcp: 1 } }, /this traffic takes at least 9/],
  [{ ipv6: true, innerMtu: 1000 }, /containers with IPv6 need an MTU of 1280; theirs is 1000/],
  [{ ipv6: true, mtu: 576 }, /containers with IPv6 need an MTU of 1280/],
  [{ innerMtu: 68 }, /innerMtu must be an integer from 128/],
  [{ sizes: [{ lowest: 9000, highest: 9000, weight: 1 }] }, /all sizes are beyond the containers' MTU of 1450 bytes/],
  [{ profile: 'strict' }, /the strict profile needs encrypted networks/],
  [{ rotations: 2 }, /rotations need encrypted networks/],
  [{ bytes: 1e6, encrypted: true, rotations: 1 }, /rotations need a number of packets or a duration/],
  [{ bytes: 1e6, faults: ['rotation-missed'] }, /rotations need a number of packets or a duration/],
  [{ retransmissions: 0.1, traffic: { udp: 1 } }, /retransmissions need traffic of TCP/],
  [{ endpoints: 200, encrypted: true, faults: FAULT_NAMES, seenBy: 'node3' }, /network net1 has only 252 addresses/],
];

describe('options', () => {
  for (const [options, message] of REFUSED) {
    test(`${JSON.stringify(options).slice(0, 100)} is refused`, () => {
      assert.throws(() => new CaptureGenerator(options), { name: 'GenerateError', message });
    });
  }

  test('encrypted captures need a cipher', () => {
    assert.throws(() => [...new CaptureGenerator({ encrypted: true }).blocks()], { code: 'BAD_OPTION' });
  });
});

describe('sizes', () => {
  test('one, a range, IMIX and shares', () => {
    assert.deepEqual(parseSizes('1400'), [{ lowest: 1400, highest: 1400, weight: 1 }]);
    assert.deepEqual(parseSizes('64-1450'), [{ lowest: 64, highest: 1450, weight: 1 }]);
    assert.equal(parseSizes('imix').length, 3);
    assert.deepEqual(parseSizes('64:7,100-200:2'), [
      { lowest: 64, highest: 64, weight: 7 },
      { lowest: 100, highest: 200, weight: 2 },
    ]);
  });

  for (const text of ['', '0', '70000', '9-3', '64:0', '64:', 'a', '64,', '1'.repeat(400)]) {
    test(`"${text.slice(0, 10)}" is refused`, () => assert.throws(() => parseSizes(text), { code: 'BAD_SIZES' }));
  }
});
