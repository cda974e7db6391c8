import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findScapy, showScapy } from '../../../bench/peers/scapy.js';
import { encryptedBytes } from '../../../bench/peers/frame-sizes.js';
import { openByHand, unhex, withTrailer } from '../../ipsec/build.js';

const IPV4 = 20;
const ESP_HEADER = 16;
const ICV = 16;

const found = await findScapy();
const skip = found === undefined ? 'scapy is not installed' : false;

test('scapy encrypts as many bytes as vtep does, and node:crypto opens them', { skip }, async () => {
  const key = Uint8Array.from({ length: 16 }, (_, i) => i);
  for (const bytes of [64, 65, 1400]) {
    const [plain, sealed] = (await showScapy(found?.python ?? '', bytes)).map(unhex);
    const esp = sealed.subarray(IPV4);
    assert.equal(esp.length, ESP_HEADER + encryptedBytes(bytes) + ICV);
    const options = { spi: 0x01020304, sequence: 1n, key, salt: unhex('01020304'), icvLength: ICV };
    assert.deepEqual(openByHand(options, esp), withTrailer(plain.subarray(IPV4), 17));
  }
});
