import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileFilter } from '../../../../native-free/explorer/filter/index.js';
import { INDEX, TABLES } from './small-index.js';

/** Numbers of the packets that a filter selects, from 1. */
function selected(text: string): number[] {
  const test = compileFilter(text, TABLES);
  const [part] = INDEX.parts;
  return Array.from({ length: part.count }, (_, i) => i)
    .filter((i) => test === undefined || test(part, i, i))
    .map((i) => i + 1);
}

const CASES: readonly (readonly [filter: string, packets: readonly number[]])[] = [
  ['', [1, 2, 3, 4, 5, 6]],
  ['vni == 4097', [1, 2, 5]],
  ['vxlan.vni == 0x1001', [1, 2, 5]],
  ['vni', [1, 2, 3, 5]],
  ['not vni', [4, 6]],
  ['vni != 4097', [3]],
  ['vni in {4097, 4098}', [1, 2, 3, 5]],
  ['esp.spi == 0xc0ffee01', [3, 6]],
  ['esp.sequence > 7', [6]],
  ['esp.sequence >= 7', [3, 6]],
  ['esp.sequence < 8', [3]],
  ['tcp.flags.syn and not tcp.flags.ack', [1]],
  ['tcp.port == 80', [1, 2]],
  ['tcp.srcport == 80', [2]],
  ['tcp.dstport eq 80', [1]],
  ['udp.port == 53', [3]],
  ['udp.port in {50..60}', [3]],
  ['port in {80 53}', [1, 2, 3]],
  ['ip.proto == 17', [3, 4]],
  ['ip.src == 10.0.9.3', [1]],
  ['ip.dst == 10.0.9.3', [2]],
  ['inner.addr == 10.0.9.0/24', [1, 2]],
  ['ipv6.addr == fd00::/16', [3]],
  ['ip.addr == 192.168.0.1', [1, 2, 3, 4, 5, 6]],
  ['inner.addr == 192.168.0.1', []],
  ['outer.src == 192.168.0.2', [2]],
  ['outer.src != 192.168.0.2', [1, 3, 4, 5, 6]],
  ['ip', [1, 2, 4]],
  ['ipv6', [3]],
  ['arp or gossip', [4, 5]],
  ['udp', [3]],
  ['esp && !decrypted', [6]],
  ['vxlan', [1, 2, 3, 5]],
  ['group', [5]],
  ['verdict == dropped', [6]],
  ['drop.reason == XfrmInStateProtoError_Icv', [6]],
  ['drop.reason', [6]],
  ['dropped', [6]],
  ['frame.number == 2', [2]],
  ['frame.time_relative > 1 and frame.time_relative < 3.5', [3, 4]],
  ['frame.len >= 500', [5, 6]],
  ['flow == 0', [1, 2]],
  ['tunnel == 1', [2]],
  ['file == 1', [1, 2, 3, 4, 5, 6]],
  ['(arp or gossip) and vni == 4097', [5]],
  ['arp or gossip and vni == 4097', [5]],
];

describe('compileFilter', () => {
  for (const [filter, packets] of CASES) {
    it(`${filter === '' ? 'an empty filter' : filter} selects ${packets.length === 0 ? 'nothing' : packets.join(', ')}`, () =>
      assert.deepEqual(selected(filter), packets));
  }

  const FAULTS: readonly (readonly [filter: string, message: RegExp, from: number])[] = [
    ['vnii == 1', /no field "vnii"; did you mean vni\?/, 0],
    ['vni == web', /vni: "web" is not a number/, 7],
    ['vni ==', /the filter ends where a value should be/, 6],
    ['(vni', /a closing parenthesis/, 4],
    ['vni == 1 2', /"2".*and, or, or the end/, 9],
    ['tcp == 1', /tcp is true or false/, 0],
    ['ip.addr == fd00::1', /"fd00::1" is IPv6/, 11],
    ['ip.addr == 10.0.9.300', /10.0.9.300/, 11],
    ['ip.addr > 10.0.0.1', /compared by ==, != or in/, 10],
    ['verdict == droped', /never "droped"; did you mean dropped\?/, 11],
    ['port in {80..70}', /not a range/, 9],
    ['port in 80', /a set such as/, 8],
    ['vni == "1', /quote is not closed/, 7],
    ['vni == 1 #', /"#" means nothing/, 9],
    [`${'('.repeat(100)}vni`, /levels deep/, 64],
    ['vni '.repeat(2000), /at most 4096 characters/, 4096],
  ];
  for (const [filter, message, from] of FAULTS) {
    it(`says what is wrong with ${filter.slice(0, 30)}, and where`, () =>
      assert.throws(
        () => compileFilter(filter, TABLES),
        (error: unknown) => {
          assert.ok(error instanceof Error && 'from' in error);
          assert.match(error.message, message);
          assert.equal(error.from, from);
          return true;
        },
      ));
  }
});
