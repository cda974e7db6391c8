/**
 * An open device of the package cap, with a clear error where it can't be opened. It lives in a process of its own,
 * because cap ends its process by an assertion when the device goes away (cb_packets in its binding.cc), and because
 * it keeps the event loop from turning while packets come faster than they are taken.
 */
import { LinkType } from '../wire/link-layer.js';
import { type CapDevice, type CapPackage, loadCap } from './cap-package.js';
import { LiveError } from './error.js';

/** Longer packets are cut: cap's own limit. */
export const SNAP_LENGTH = 65_535;

/** cap's words for link types, which are DLT_ numbers where it has no word. */
const LINK_TYPES: Readonly<Record<string, number>> = {
  NULL: LinkType.Null,
  ETHERNET: LinkType.Ethernet,
  IEEE802_11_RADIO: 127,
  LINKTYPE_LINUX_SLL: LinkType.LinuxSll,
  RAW: LinkType.Raw,
};

/** A device that is open. */
export interface OpenDevice {
  readonly device: CapDevice;
  readonly linkType: number;
  /** What the last packet stands in; the next one overwrites it. */
  readonly bytes: Buffer;
}

function linkTypeOf(words: string): number {
  return LINK_TYPES[words] ?? Number(/\d+$/.exec(words)?.[0] ?? -1);
}

/** One that failed to open must not be collected: its destructor stops what was never begun, and the process with it. */
const made: CapDevice[] = [];

function makeDevice(cap: CapPackage): CapDevice {
  const device = new cap.Cap();
  made.push(device);
  return device;
}

/**
 * Opens a device; once a process, since one that failed keeps what it took.
 * @param filter of libpcap; empty for all packets
 * @param bufferBytes what the kernel holds of packets that weren't taken yet
 * @throws LiveError `CAP_UNAVAILABLE`, `NO_SUCH_DEVICE`, `NOT_PERMITTED`, `BAD_FILTER`, `DEVICE_UNUSABLE`
 */
export function openDevice(name: string, filter: string, bufferBytes: number): OpenDevice {
  const cap = loadCap();
  const bytes = Buffer.alloc(SNAP_LENGTH);
  const device = makeDevice(cap);
  try {
    return { device, linkType: linkTypeOf(device.open(name, filter, bufferBytes, bytes)), bytes };
  } catch (error) {
    throw deviceError(cap, name, filter, (error as Error).message);
  }
}

function deviceError(cap: CapPackage, name: string, filter: string, words: string): LiveError {
  const shown = JSON.stringify(name);
  if (/no such device/i.test(words)) {
    return new LiveError('NO_SUCH_DEVICE', `there is no device ${shown}; vtep capture --list names them`);
  }
  if (/not permitted|permission/i.test(words)) {
    return new LiveError(
      'NOT_PERMITTED',
      `${shown}: the system doesn't let this user use devices (${words}); be root, or give node CAP_NET_RAW`,
    );
  }
  if (words.includes('not up')) {
    return new LiveError('DEVICE_UNUSABLE', `${shown} is down; bring it up first: ip link set ${name} up`);
  }
  if (filter !== '' && opens(cap, name)) {
    return new LiveError(
      'BAD_FILTER',
      `libpcap can't use the filter: ${words}; man pcap-filter says how they are written`,
    );
  }
  return new LiveError('DEVICE_UNUSABLE', `${shown} can't be opened: ${words}`);
}

/** Whether a device opens without a filter, so that the filter is to blame. */
function opens(cap: CapPackage, name: string): boolean {
  try {
    makeDevice(cap).open(name, '', 1 << 16, Buffer.alloc(SNAP_LENGTH));
    return true;
  } catch {
    return false;
  }
}
