import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isVirtualDevice, mayHavePartialChecksums } from '../../../src/live/socket/partial-checksums.js';
import { scratch } from '../../cli/run.js';
import { HERE } from '../loopback.js';

/** A directory like /sys/class/net: devices by name, with their bus and driver, or with lower devices. */
function devices(
  entries: Readonly<Record<string, { bus?: string; driver?: string; lower?: readonly string[] }>>,
): string {
  const folder = scratch();
  for (const [name, { bus, driver, lower = [] }] of Object.entries(entries)) {
    mkdirSync(join(folder, name));
    for (const below of lower) symlinkSync(`../${below}`, join(folder, name, `lower_${below}`));
    if (bus === undefined) continue;
    mkdirSync(join(folder, name, 'device'));
    symlinkSync(`../../bus/${bus}`, join(folder, name, 'device', 'subsystem'));
    if (driver !== undefined) symlinkSync(`../../drivers/${driver}`, join(folder, name, 'device', 'driver'));
  }
  return folder;
}

describe('a virtual device, whose wire may end in the same host,', () => {
  const folder = devices({
    eth0: { bus: 'pci', driver: 'ixgbe' },
    usb0: { bus: 'usb', driver: 'r8152' },
    bare: { bus: 'platform' },
    ens3: { bus: 'virtio', driver: 'virtio_net' },
    xen0: { bus: 'xen', driver: 'netfront' },
    hv0: { bus: 'vmbus', driver: 'hv_netvsc' },
    vmw0: { bus: 'pci', driver: 'vmxnet3' },
    veth0: {},
    bond0: { lower: ['eth0', 'usb0'] },
    'bond0.5': { lower: ['bond0'] },
    br0: { lower: ['bond0', 'veth0'] },
    loop1: { lower: ['loop2'] },
    loop2: { lower: ['loop1'] },
  });
  for (const [name, virtual] of [
    ['eth0', false],
    ['usb0', false],
    ['bare', false],
    ['bond0', false],
    ['bond0.5', false],
    ['ens3', true],
    ['xen0', true],
    ['hv0', true],
    ['vmw0', true],
    ['veth0', true],
    ['br0', true],
    ['gone', true],
    ['loop1', true],
  ] as const) {
    test(`${virtual ? 'is' : 'is not'} ${name}`, () => assert.equal(isVirtualDevice(name, folder), virtual));
  }

  test('is assumed for loopback, and for an address without a local device', () => {
    for (const address of [
      HERE,
      Uint8Array.of(127, 0, 0, 1),
      Uint8Array.of(192, 0, 2, 1),
      new Uint8Array(16).fill(2),
    ]) {
      assert.equal(mayHavePartialChecksums(address), true);
    }
  });
});
