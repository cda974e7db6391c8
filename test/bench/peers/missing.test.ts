import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gopacketPeers } from '../../../bench/peers/gopacket.js';
import { ipsecMbPeers } from '../../../bench/peers/ipsec-mb.js';
import { linuxVxlanPeers } from '../../../bench/peers/linux-vxlan.js';
import { opensslSpeedPeers } from '../../../bench/peers/openssl-speed.js';
import { scapyPeers } from '../../../bench/peers/scapy.js';
import { tsharkPeers } from '../../../bench/peers/tshark.js';

// This file runs in a separate process: nothing else looks up programs here.
process.env['PATH'] = '/nonexistent';

for (const [peer, find, mends] of [
  ['gopacket', gopacketPeers, /golang-go golang-github-google-gopacket-dev/],
  ['tshark', tsharkPeers, /Debian: tshark/],
  ['openssl speed', opensslSpeedPeers, /Debian: openssl/],
  ['ipsec-mb in C', ipsecMbPeers, /gcc libipsec-mb-dev/],
  ['scapy', async (quick: boolean) => scapyPeers(quick, ['python3']), /python3-scapy/],
  ['linux vxlan', linuxVxlanPeers, /root|iproute2|not Linux/],
] as const) {
  test(`${peer} is reported if it is not installed, with what to install`, async () => {
    const { peers, notMeasured, versions } = await find(true);
    assert.deepEqual([peers, versions], [[], []]);
    assert.equal(notMeasured.length, 1);
    assert.equal(notMeasured[0].peer, peer);
    assert.notEqual(notMeasured[0].what, '');
    assert.match(notMeasured[0].missing, mends);
  });
}
