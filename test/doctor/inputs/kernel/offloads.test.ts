/** Offloads and counters. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { offloadsOf, parseOffloads } from '../../../../src/doctor/inputs/kernel/offloads.js';
import { parseXfrmCounters } from '../../../../src/doctor/inputs/kernel/xfrm-stat.js';
import { output, sourceOf } from '../sources.js';

test('features of ethtool -k have their device, and whether they can be changed', () => {
  const features = [...parseOffloads(sourceOf(output('ethtool-k.txt')))];
  const shown = features.map(({ device, name, on, fixed }) => `${device} ${name} ${on} ${fixed}`);
  assert.ok(shown.includes('va tx-checksum-ip-generic true false'));
  assert.ok(shown.includes('va tx-checksum-ipv4 false true'));
  assert.ok(shown.includes('va tx-udp_tnl-csum-segmentation true false'));
});

test('without its heading, the command names the device', () => {
  const [feature] = parseOffloads(sourceOf('rx-checksumming: off [requested on]\n', 'ethtool -k eth0'));
  assert.deepEqual([feature.device, feature.on, feature.fixed], ['eth0', false, false]);
});

test('JSON gives the same', () => {
  const object = { ifname: 'va', 'rx-checksumming': { active: true, fixed: null, requested: null } };
  const [feature] = offloadsOf(sourceOf(''), object, 3);
  assert.deepEqual(feature, {
    place: { file: 'file.txt', line: 3 },
    device: 'va',
    name: 'rx-checksumming',
    on: true,
    fixed: false,
  });
});

test('counters are read in any paste', () => {
  const found = [...parseXfrmCounters(sourceOf('> XfrmInError             \t0\n> XfrmInNoStates          \t126\n'))];
  assert.deepEqual(
    found.map(({ name, count, place }) => [name, count, place.line]),
    [
      ['XfrmInError', 0, 1],
      ['XfrmInNoStates', 126, 2],
    ],
  );
});
