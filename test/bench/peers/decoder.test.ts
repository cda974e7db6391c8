import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { capture } from '../../../bench/captures.js';
import { FRAME_HEADERS } from '../../../bench/frame.js';
import { decodeToInnerIp } from '../../../bench/chain.js';
import { type DecodedPass, decoderPeer, Decodes } from '../../../bench/peers/decoder.js';

const PACKETS = 250;

function decoderThatFinds(found: Partial<DecodedPass>): ReturnType<typeof decoderPeer> {
  const pass = async (path: string): Promise<DecodedPass> => {
    const { packets, check } = await decodeToInnerIp(path);
    return { packets, check, nanoseconds: 5000, ...found };
  };
  return decoderPeer({ peer: 'somebody', what: 'decodes', decodes: Decodes.File, packets: PACKETS, pass }, 64);
}

describe('decoderPeer', () => {
  test('returns nanoseconds per packet if the inner addresses match', async () => {
    assert.deepEqual(await decoderThatFinds({}).round(), [20]);
  });

  test('refuses other addresses, and another number of packets', async () => {
    await assert.rejects(
      decoderThatFinds({ check: 1 }).round(),
      /somebody read 250 packets with a sum of 1, not 250 with/,
    );
    await assert.rejects(decoderThatFinds({ packets: 249 }).round(), /somebody read 249 packets/);
  });

  test('reads frames of the given size', async () => {
    const { bytes } = await decodeToInnerIp(capture(64 - FRAME_HEADERS, PACKETS));
    const outerHeaders = 14 + 20 + 8 + 8;
    assert.equal(bytes, 24 + PACKETS * (16 + outerHeaders + 64));
  });
});
