import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { withCaptures, withTexts } from '../../../../../native-free/explorer/page/inputs/given-files.js';

const capture = (name: string) => ({ kind: 'blob', name, blob: new Blob([name]) }) as const;

describe('withTexts', () => {
  it('has the newest text first, so that right keys count after wrong ones', () => {
    const wrong = withTexts([], [{ name: 'wrong.txt', text: 'wrong' }]);
    const both = withTexts(wrong, [{ name: 'right.txt', text: 'right' }]);
    assert.deepEqual(
      both.map(({ text }) => text),
      ['right', 'wrong'],
    );
  });
  it('replaces a text of the same name, and keeps those that are given together', () => {
    const first = withTexts(
      [],
      [
        { name: 'a', text: '1' },
        { name: 'a', text: '2' },
      ],
    );
    assert.equal(first.length, 2);
    assert.deepEqual(withTexts(first, [{ name: 'a', text: '3' }]), [{ name: 'a', text: '3' }]);
  });
});

describe('withCaptures', () => {
  it('gives captures of one name, from two nodes, names of their own', () => {
    const one = withCaptures([], [capture('eth0.pcap'), capture('eth0.pcap')]);
    const names = withCaptures(one, [capture('eth0.pcap'), capture('eth0.pcap (2)')]).map(({ name }) => name);
    assert.deepEqual(names, ['eth0.pcap', 'eth0.pcap (2)', 'eth0.pcap (3)', 'eth0.pcap (2) (2)']);
  });
});
