import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AddressTable } from '../../src/inspect/address-table.js';
import { ethernet, ip } from '../dataplane/build.js';
import { walked } from './tables.js';

const NOTHING = new Uint8Array(8);
const of4 = (source: string, destination = '10.0.0.99'): Uint8Array =>
  ethernet(ip(4, 253, NOTHING, source, destination), 0x0800);
const of6 = (source: string, destination = 'fd00::99'): Uint8Array =>
  ethernet(ip(6, 253, NOTHING, source, destination), 0x86dd);

describe('AddressTable', () => {
  test('an address has one id, as a source and as a destination', () => {
    const table = new AddressTable(10);
    const [there, back] = [of4('10.0.0.1', '10.0.0.2'), of4('10.0.0.2', '10.0.0.1')];
    const one = table.source(there, walked(there));
    const two = table.destination(there, walked(there));
    assert.deepEqual([table.source(back, walked(back)), table.destination(back, walked(back))], [two, one]);
    assert.deepEqual([table.text(one), table.text(two)], ['10.0.0.1', '10.0.0.2']);
  });

  test('IPv4 and IPv6 addresses of the same bits are different addresses', () => {
    const table = new AddressTable(10);
    // 10.0.0.1 alone, followed by zeros, after zeros, and mapped (RFC 4291 section 2.5.5.2).
    const packets = [
      of4('10.0.0.1'),
      of6('a00:1::'),
      of6('::a00:1'),
      of6('::ffff:10.0.0.1'),
      of4('0.0.0.0'),
      of6('::'),
    ];
    const ids = packets.map((packet) => table.source(packet, walked(packet)));
    assert.equal(new Set(ids).size, packets.length);
    assert.deepEqual(
      ids.map((id) => table.text(id)),
      ['10.0.0.1', 'a00:1::', '::a00:1', '::ffff:10.0.0.1', '0.0.0.0', '::'],
    );
  });

  test('IPv6 addresses that differ in a single group are different addresses', () => {
    const table = new AddressTable(20);
    const ids = Array.from({ length: 8 }, (_, i) => {
      const packet = of6(Array.from({ length: 8 }, (__, group) => (group === i ? '1' : '2')).join(':'));
      return table.source(packet, walked(packet));
    });
    assert.equal(new Set(ids).size, 8);
  });

  test('ids and texts stay consistent with alternating families', () => {
    const table = new AddressTable(600);
    const seen = new Map<number, string>();
    for (let i = 0; i < 300; i++) {
      for (const [packet, text] of [
        [of4(`10.1.${i >>> 8}.${i & 255}`), `10.1.${i >>> 8}.${i & 255}`],
        [of6(`fd01::${(i + 1).toString(16)}`), `fd01::${(i + 1).toString(16)}`],
      ] as const) {
        const id = table.source(packet, walked(packet));
        assert.ok(id >= 0 && !seen.has(id));
        seen.set(id, text);
      }
    }
    for (const [id, text] of seen) assert.equal(table.text(id), text);
  });

  test('a full table knows the addresses it holds, and reports others as "(others)"', () => {
    const table = new AddressTable(2);
    const packets = ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((source) => of4(source));
    const ids = packets.map((packet) => table.source(packet, walked(packet)));
    assert.deepEqual(
      ids.map((id) => table.text(id)),
      ['10.0.0.1', '10.0.0.2', '(others)'],
    );
    assert.equal(table.source(packets[0], walked(packets[0])), ids[0]);
  });

  test('both families share one limit, in any order', () => {
    for (const first of [of4, of6]) {
      const [a, b] = first === of4 ? [of4('10.0.0.1'), of6('fd00::1')] : [of6('fd00::1'), of4('10.0.0.1')];
      const table = new AddressTable(1);
      const id = table.source(a, walked(a));
      for (let i = 0; i < 3; i++) {
        assert.equal(table.text(table.source(b, walked(b))), '(others)');
        assert.equal(table.source(a, walked(a)), id);
      }
    }
  });
});
