/**
 * An open device of the cap package, with a clear error if it can't be opened. It lives in a separate process, because
 * cap aborts its process by an assertion when the device disappears (cb_packets in its binding.cc), and because it
 * starves the event loop while packets arrive faster than they are read.
 */
import { LinkType } from '../../wire/index.js';
import { type CapDevice, type CapPackage, loadCap } from './cap-package.js';
import { LiveError } from '../error.js';

/** Longer packets are truncated: cap's limit. */
export const SNAP_LENGTH = 65_535;

/** cap's names for link types; it uses DLT_ numbers for others. */
const LINK_TYPES: Readonly<Record<string, number>> = {
  NULL: LinkType.Null,
  ETHERNET: LinkType.Ethernet,
  IEEE802_11_RADIO: 127,
  LINKTYPE_LINUX_SLL: LinkType.LinuxSll,
  RAW: LinkType.Raw,
};

/** An open device. */
export interface OpenDevice {
  readonly device: CapDevice;
  readonly linkType: number;
  /** Buffer of the last packet; the next one overwrites it. */
  readonly bytes: Buffer;
}

function linkTypeOf(name: string): number {
  return LINK_TYPES[name] ?? Number(/\d+$/.exec(name)?.[0] ?? -1);
}

/**
 * Keeps every device from being garbage-collected: the destructor of one that failed to open stops what was never
 * started, and crashes.
 */
const created: CapDevice[] = [];

function createDevice(cap: CapPackage): CapDevice {
  const device = new cap.Cap();
  created.push(device);
  return device;
}

/**
 * Opens a device. Call it only once per process, since a device that failed to open keeps its resources.
 * @param filter libpcap filter; empty for all packets
 * @param bufferBytes size of the kernel's buffer
 * @throws LiveError `CAP_UNAVAILABLE`, `NO_SUCH_DEVICE`, `NOT_PERMITTED`, `BAD_FILTER`, `DEVICE_UNUSABLE`
 */
export function openDevice(name: string, filter: string, bufferBytes: number): OpenDevice {
  const cap = loadCap();
  const bytes = Buffer.alloc(SNAP_LENGTH);
  const device = createDevice(cap);
  try {
    return { device, linkType: linkTypeOf(device.open(name, filter, bufferBytes, bytes)), bytes };
  } catch (error) {
    throw deviceError(cap, name, filter, (error as Error).message);
  }
}

function deviceError(cap: CapPackage, name: string, filter: string, reason: string): LiveError {
  const shown = JSON.stringify(name);
  if (/no such device/i.test(reason)) {
    return new LiveError('NO_SUCH_DEVICE', `there is no device ${shown}; vtep capture --list shows them`);
  }
  if (/not permitted|permission/i.test(reason)) {
    return new LiveError('NOT_PERMITTED', `${shown}: not permitted (${reason}); run as root, or give node CAP_NET_RAW`);
  }
  if (reason.includes('not up')) {
    return new LiveError('DEVICE_UNUSABLE', `${shown} is down; bring it up first: ip link set ${name} up`);
  }
  if (filter !== '' && opens(cap, name)) {
    return new LiveError('BAD_FILTER', `libpcap rejects the filter: ${reason}; see: man pcap-filter`);
  }
  return new LiveError('DEVICE_UNUSABLE', `can't open ${shown}: ${reason}`);
}

/** Whether a device opens without a filter, in which case the filter is invalid. */
function opens(cap: CapPackage, name: string): boolean {
  try {
    createDevice(cap).open(name, '', 1 << 16, Buffer.alloc(SNAP_LENGTH));
    return true;
  } catch {
    return false;
  }
}
