/** The filter's words; what it lets through is seen on a device (test/cli/capture.test.ts). */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { overlayFilter } from '../../src/live/overlay-filter.js';
import { missing } from '../repository.js';

/** Whether libpcap can make a program of a filter, for packets of a link type. */
function compiles(filter: string, linkType: string): boolean {
  return spawnSync('tcpdump', ['-d', '-y', linkType, filter], { stdio: 'ignore' }).status === 0;
}

describe('overlayFilter', () => {
  test('names VXLAN’s port, which may be another', () => {
    assert.match(overlayFilter(), /udp port 4789 or/);
    const other = overlayFilter({ port: 8472 });
    assert.equal(other.match(/udp port 8472 or/g)?.length, 2);
    assert.doesNotMatch(other, /4789/);
    const several = overlayFilter({ port: [4789, 8472], vlan: false });
    assert.match(several, /^udp port 4789 or udp port 8472 or /);
  });

  test('has nothing behind the VLAN, which moves all offsets from there on', () => {
    const [plain, vlan] = [overlayFilter({ vlan: false }), overlayFilter()];
    assert.doesNotMatch(plain, /vlan/);
    assert.equal(vlan, `(${plain}) or (vlan and (${plain}))`);
  });

  test('compiles for Ethernet, and without VLAN for devices that have none', { skip: missing('tcpdump') }, () => {
    assert.ok(compiles(overlayFilter(), 'EN10MB'));
    for (const linkType of ['EN10MB', 'RAW', 'LINUX_SLL'])
      assert.ok(compiles(overlayFilter({ vlan: false }), linkType));
    assert.ok(!compiles(overlayFilter(), 'RAW'));
  });
});
