import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ipv4Layout, tcpLayout, vxlanLayout } from '../../src/wire/index.js';

const VXLAN = Uint8Array.of(0xff, 0x08, 0, 0, 0, 0, 0x10, 0x01, 0);

describe('HeaderLayout.fieldsOf', () => {
  it('lists the fields in wire order, with where each is', () =>
    assert.deepEqual(vxlanLayout.fieldsOf(VXLAN, 1), [
      { name: 'flags', value: 8, from: 1, to: 2, bits: undefined },
      { name: 'reserved1', value: 0, from: 2, to: 5, bits: undefined },
      { name: 'vni', value: 0x1001, from: 5, to: 8, bits: undefined },
      { name: 'reserved2', value: 0, from: 8, to: 9, bits: undefined },
    ]));
  it('has the same values as decode, bit fields included', () => {
    const bytes = Uint8Array.from({ length: 60 }, (_, i) => (i * 73) & 0xff);
    for (const layout of [ipv4Layout, tcpLayout]) {
      const fields = layout.fieldsOf(bytes, 7);
      assert.deepEqual(Object.fromEntries(fields.map(({ name, value }) => [name, value])), layout.decode(bytes, 7));
      // Every byte of the header belongs to a field.
      const covered = new Set(fields.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i)));
      assert.equal(covered.size, layout.span);
    }
  });
  it('throws if the header is not there', () =>
    assert.throws(() => vxlanLayout.fieldsOf(VXLAN, 2), { code: 'SHORT_HEADER' }));
});
