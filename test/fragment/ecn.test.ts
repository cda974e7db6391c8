import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Fragmenter, Reassembler, ReassemblyDrop, ReassemblyOutcome } from '../../src/fragment/index.js';
import { EtherType, isIpv4ChecksumValid, Layers, writeIpv4Checksum } from '../../src/wire/index.js';
import { udpIp } from '../dataplane/build.js';

const NOT_ECT = 0;
const ECT1 = 1;
const ECT0 = 2;
const CE = 3;

/** Reassembles a packet of three fragments with these ECN fields. */
function reassemble(family: 4 | 6, marks: readonly number[]): { outcome: ReassemblyOutcome; reassembler: Reassembler } {
  const packet = udpIp(family, 4789, new Uint8Array(900).fill(5));
  const cut = new Fragmenter();
  cut.begin(packet, 0, packet.length, 400, 77);
  assert.equal(cut.count, marks.length);
  const reassembler = new Reassembler();
  const layers = new Layers();
  let outcome: ReassemblyOutcome = ReassemblyOutcome.Held;
  for (const mark of marks) {
    const part = new Uint8Array(400);
    const length = cut.next(part, 0);
    part[1] |= family === 4 ? mark : mark << 4;
    if (family === 4) writeIpv4Checksum(part, 0);
    layers.walkNetwork(part, family === 4 ? EtherType.Ipv4 : EtherType.Ipv6, 0, length);
    outcome = reassembler.push(part, layers, length, 0);
  }
  return { outcome, reassembler };
}

describe('ECN of fragments (RFC 3168 section 5.3)', () => {
  for (const family of [4, 6] as const) {
    for (const [marks, expected] of [
      [[NOT_ECT, NOT_ECT, NOT_ECT], NOT_ECT],
      [[ECT0, ECT0, ECT0], ECT0],
      [[ECT1, ECT0, ECT1], ECT1],
      [[ECT0, CE, ECT0], CE],
      [[CE, ECT1, ECT0], CE],
      [[CE, CE, CE], CE],
    ] as const) {
      test(`IPv${family}: ${marks.join(' ')} reassemble to ${expected}`, () => {
        const { outcome, reassembler } = reassemble(family, marks);
        assert.equal(outcome, ReassemblyOutcome.Complete);
        const { bytes, start } = reassembler;
        const field = bytes[start + 1];
        assert.equal((family === 4 ? field : field >>> 4) & 3, expected);
        if (family === 4) assert.ok(isIpv4ChecksumValid(bytes, start));
      });
    }

    for (const marks of [
      [NOT_ECT, ECT0, NOT_ECT],
      [CE, NOT_ECT, CE],
      [ECT1, ECT1, NOT_ECT],
    ]) {
      test(`IPv${family}: ${marks.join(' ')} is dropped, every fragment counted`, () => {
        const { outcome, reassembler } = reassemble(family, marks);
        assert.equal(outcome, ReassemblyOutcome.Dropped);
        assert.equal(reassembler.drop, ReassemblyDrop.EcnMixed);
        assert.equal(reassembler.droppedFragments[ReassemblyDrop.EcnMixed], 3);
        assert.deepEqual([reassembler.heldFragments, reassembler.heldBytes, reassembler.heldDatagrams], [0, 0, 0]);
      });
    }
  }
});
