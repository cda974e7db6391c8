import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileFilter, completions, FIELDS, MAX_COMPLETIONS } from '../../../../native-free/explorer/filter/index.js';
import { TABLES } from './small-index.js';

/** The suggestions for a text with the cursor at its end. */
function suggested(text: string): string[] {
  return completions(text, text.length, TABLES).list.map(({ text: one }) => one);
}

describe('completions', () => {
  it('begins with fields', () => assert.deepEqual(suggested('').slice(0, 2), ['vni', 'esp.spi']));
  it('puts fields that begin with the letters before those that contain them', () => {
    const list = suggested('sp');
    assert.deepEqual(list, ['esp.spi', 'esp.sequence', 'esp']);
    assert.deepEqual(suggested('tcp.f').slice(0, 2), ['tcp.flags.syn', 'tcp.flags.ack']);
  });
  it('replaces the word at the cursor', () => {
    const { from, to, list } = completions('vni == 4097 and tcp.fl and arp', 22, TABLES);
    assert.deepEqual([from, to], [16, 22]);
    assert.equal(list[0].text, 'tcp.flags.syn');
  });
  it('offers comparisons after a field, without orders for names', () => {
    assert.ok(suggested('vni ').includes('<='));
    assert.ok(!suggested('verdict ').includes('<='));
  });
  it('offers the values that the capture has', () => {
    assert.deepEqual(suggested('vni == '), ['4097', '4098']);
    assert.deepEqual(suggested('vni in {4097, '), ['4097', '4098']);
    assert.deepEqual(suggested('vni in {4097} '), ['and', 'or']);
    assert.deepEqual(suggested('esp.spi == '), ['0xc0ffee01']);
    assert.deepEqual(suggested('outer.src == 192.168.0.2'), []);
    assert.ok(suggested('verdict == d').includes('dropped'));
  });
  it('offers and and or after a condition', () => assert.deepEqual(suggested('vni == 4097 '), ['and', 'or']));
  it('offers nothing after a quote that is not closed', () => assert.deepEqual(suggested('vni == "'), []));
  it('is bounded', () => assert.ok(suggested('e').length <= MAX_COMPLETIONS));
  it('offers only fields that compile', () => {
    for (const { name } of FIELDS) assert.notEqual(compileFilter(name, TABLES), undefined);
  });
});
