/**
 * Whether frames off the underlay may have checksums that are still to be filled in (CHECKSUM_PARTIAL): between namespaces or
 * virtual machines of one host the kernel leaves that to a network card that never comes. A socket doesn't tell: such a
 * frame is known only by a field that holds the pseudo-header's sum, as a corrupted one's may by chance. A wire with
 * hardware at its end carries none.
 */
import { readdirSync, readlinkSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { basename, join } from 'node:path';
import { formatIp } from '../wire/index.js';

const DEVICES = '/sys/class/net';
/** Buses of paravirtual network cards, and drivers of those that sit on another: their wire may end in the same host. */
const VIRTUAL_BUSES = ['virtio', 'xen', 'vmbus'];
const VIRTUAL_DRIVERS = ['vmxnet3'];
/** Devices on top of each other that are followed: a VLAN of a bond, say. */
const MAX_DEPTH = 8;

function target(path: string): string | undefined {
  try {
    return basename(readlinkSync(path));
  } catch {
    return undefined;
  }
}

function lowerDevices(path: string): string[] {
  try {
    return readdirSync(path).flatMap((name) => (name.startsWith('lower_') ? [name.slice('lower_'.length)] : []));
  } catch {
    return [];
  }
}

/**
 * Whether a device, or one of those that it is made of, is no hardware: veth, virtio, a bridge with such ports.
 * @param folder where the system lists its devices
 */
export function isVirtualDevice(name: string, folder = DEVICES, depth = 0): boolean {
  const path = join(folder, name);
  const bus = target(join(path, 'device', 'subsystem'));
  if (bus !== undefined) {
    const driver = target(join(path, 'device', 'driver')) ?? '';
    return VIRTUAL_BUSES.includes(bus) || VIRTUAL_DRIVERS.includes(driver);
  }
  const lower = lowerDevices(path);
  return lower.length === 0 || depth >= MAX_DEPTH || lower.some((below) => isVirtualDevice(below, folder, depth + 1));
}

/**
 * Whether the device that has an address here is virtual; also if there is none, or the system doesn't tell.
 * @param address 4 or 16 bytes
 */
export function mayHaveUnfinishedChecksums(address: Uint8Array): boolean {
  const text = formatIp(address.length === 4 ? 4 : 6, address);
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    // An address with a label has it behind a colon: eth0:1.
    if (addresses?.some((one) => one.address === text) === true) return isVirtualDevice(name.replace(/:.*$/, ''));
  }
  return true;
}
