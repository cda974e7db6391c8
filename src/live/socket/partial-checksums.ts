/**
 * Whether frames from the underlay may have partial checksums (CHECKSUM_PARTIAL): between namespaces or virtual
 * machines of one host, the kernel leaves them to a NIC that never sees the packet. A socket doesn't report this: such
 * a frame is recognized only by a checksum field with the pseudo-header's sum, which a corrupted one may contain by
 * chance. Frames from hardware never have partial checksums.
 */
import { readdirSync, readlinkSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { basename, join } from 'node:path';
import { formatAddress } from '../../overlay/index.js';

const DEVICES = '/sys/class/net';
/** Buses of paravirtual NICs, and drivers of those on other buses: their wire may end in the same host. */
const VIRTUAL_BUSES = ['virtio', 'xen', 'vmbus'];
const VIRTUAL_DRIVERS = ['vmxnet3'];
/** Maximum depth of stacked devices to follow, such as a VLAN on a bond. */
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
 * Whether a device, or any device below it, is virtual: veth, virtio, or a bridge with such ports.
 * @param folder directory in which the system lists its devices
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
 * Whether the device with a local address is virtual; also true if there is no such device, or it is unknown.
 * @param address 4 or 16 bytes
 */
export function mayHavePartialChecksums(address: Uint8Array): boolean {
  const text = formatAddress(address);
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    // A labelled address has a suffix after a colon: eth0:1.
    if (addresses?.some((one) => one.address === text) === true) return isVirtualDevice(name.replace(/:.*$/, ''));
  }
  return true;
}
