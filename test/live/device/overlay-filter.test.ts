/** The filter's text. test/cli/capture.test.ts tests what it passes on a device. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { overlayFilter } from '../../../src/live/device/overlay-filter.js';
import { missing } from '../../repository.js';

/** Whether libpcap compiles a filter for a link type. */
function compiles(filter: string, linkType: string): boolean {
  return spawnSync('tcpdump', ['-d', '-y', linkType, filter], { stdio: 'ignore' }).status === 0;
}

describe('overlayFilter', () => {
  test('uses VXLAN’s port, or a given one', () => {
    assert.match(overlayFilter(), /udp port 4789 or/);
    const other = overlayFilter({ port: 8472 });
    assert.equal(other.match(/udp port 8472 or/g)?.length, 2);
    assert.doesNotMatch(other, /4789/);
    const several = overlayFilter({ port: [4789, 8472], vlan: false });
    assert.match(several, /^udp port 4789 or udp port 8472 or /);
  });

  test('puts the VLAN part last, since it shifts all later offsets', () => {
    const [plain, vlan] = [overlayFilter({ vlan: false }), overlayFilter()];
    assert.doesNotMatch(plain, /vlan/);
    assert.equal(vlan, `(${plain}) or (vlan and (${plain}))`);
  });

  test(
    'compiles for Ethernet, and without the VLAN part for devices without VLANs',
    { skip: missing('tcpdump') },
    () => {
      assert.ok(compiles(overlayFilter(), 'EN10MB'));
      for (const linkType of ['EN10MB', 'RAW', 'LINUX_SLL'])
        assert.ok(compiles(overlayFilter({ vlan: false }), linkType));
      assert.ok(!compiles(overlayFilter(), 'RAW'));
    },
  );
});
