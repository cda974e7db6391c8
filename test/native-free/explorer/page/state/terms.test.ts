/** Filters that clicks make. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compileFilter } from '../../../../../native-free/explorer/filter/index.js';
import { dropTerm, nodeTerm, vniTerm, withTerm } from '../../../../../native-free/explorer/page/state/terms.js';
import { DROP_REASONS } from '../../../../../src/dataplane/index.js';
import { TABLES } from '../../filter/small-index.js';

describe('a term', () => {
  test('is one of the filter language', () => {
    const reasons = Array.from({ length: DROP_REASONS - 1 }, (_, i) => dropTerm(i + 1));
    for (const term of [vniTerm(4097), nodeTerm('192.168.0.1'), nodeTerm('fd00::1'), ...reasons]) {
      assert.notEqual(compileFilter(term, TABLES), undefined, term);
    }
  });

  test('is added to a filter, so that both hold', () => {
    assert.equal(withTerm('', 'vni == 1'), 'vni == 1');
    assert.equal(withTerm(' vni == 1 ', 'vni == 1'), 'vni == 1');
    assert.equal(withTerm('tcp', 'vni == 1'), 'tcp and vni == 1');
    assert.equal(withTerm('tcp or udp', 'vni == 1'), '(tcp or udp) and vni == 1');
    assert.equal(withTerm('tcp || udp', 'vni == 1'), '(tcp || udp) and vni == 1');
    assert.equal(withTerm('tcp and (udp or dns)', 'esp'), '(tcp and (udp or dns)) and esp');
  });
});
