import assert from 'node:assert/strict';
import { it } from 'node:test';
import { sideText } from '../../../../../native-free/explorer/page/state/flow-side.js';
import { INDEX } from '../../filter/small-index.js';

it('sideText: has ports of TCP and UDP, and no identifier of ICMP in their place', () => {
  const { flows } = INDEX.tables;
  assert.equal(sideText(flows, 0, 0), '10.0.9.3:40000');
  const protocol = flows.protocol.slice();
  protocol[0] = 1;
  assert.equal(sideText({ ...flows, protocol }, 0, 0), '10.0.9.3');
});
