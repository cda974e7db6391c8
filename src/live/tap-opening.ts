/** Making of TAP devices (tun(4), Documentation/networking/tuntap.rst). */
import { lastErrno } from '../foreign/index.js';
import { isInterfaceName } from '../overlay/interface-name.js';
import { LiveError } from './error.js';
import { moveInterface } from './interface-move.js';
import {
  checkIpv6,
  INTERFACE_NAME_BYTES,
  interfaceIndex,
  interfaceRequest,
  type InterfaceSettings,
  setInterface,
} from './interface-settings.js';
import { callFailed, cString, Errno, linux } from './linux.js';
import { OpenNamespace } from './network-namespace.js';

const DEVICE = '/dev/net/tun';
const READ_WRITE = 2;
const NON_BLOCKING = 0o4000;
const CLOSE_ON_EXEC = 0o2000000;
// include/uapi/linux/if_tun.h
const TUNSETIFF = 0x400454ca;
const TUNSETOFFLOAD = 0x400454d0;
/** TUN_F_CSUM, TUN_F_TSO4, TUN_F_TSO6: checksums and the cutting of TCP are left to this end. */
const OFFLOADS = 0x07;
const IFF_TAP = 2;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
const FLAGS = INTERFACE_NAME_BYTES;
/** The name of a device on its way to its namespace; the kernel puts the first free number there. */
const PASSING = 'vtep%d';

/** A TAP device that is to be made. */
export interface TapOptions extends InterfaceSettings {
  /** Name of the interface, 1 to 15 characters. */
  readonly device: string;
  /** The namespace that it is made in: a name of `ip netns`, or a path; this process's if not said. */
  readonly netns?: string;
  /**
   * Whether frames for it may have TCP and UDP checksums that are still to be filled in.
   * @default false
   */
  readonly unfinishedChecksums?: boolean;
}

/** A TAP device that was made: it goes with its descriptor, unless it was made to stay (`ip tuntap add`). */
export interface OpenTap {
  readonly descriptor: number;
  /** Whether the descriptor keeps the device's namespace alive: that of a device that was there before. */
  readonly holdsNamespace: boolean;
}

/** What a device is called in messages. */
export function tapName({ device, netns }: TapOptions): string {
  return netns === undefined ? device : `${device} in ${netns}`;
}

/**
 * Makes a device, and sets it up. In another namespace this takes tens of milliseconds, in which this thread is blocked: the
 * kernel waits for all readers of a device that moves (`synchronize_net`), as it does when the descriptor is closed.
 * @throws LiveError `SYSTEM_UNAVAILABLE`, `NOT_PERMITTED`, `NOT_THERE`, `BAD_NODE` for a name that none can have, `SYSTEM_CALL`
 */
export function openTap(options: TapOptions): OpenTap {
  const { device, netns } = options;
  if (!isInterfaceName(device)) {
    throw new LiveError('BAD_NODE', `an interface has a name of 1 to 15 letters, digits and ._-, not ${device}`);
  }
  if (netns === undefined) {
    checkNew(options);
    return { descriptor: make(options), holdsNamespace: false };
  }
  const namespace = new OpenNamespace(netns);
  try {
    const holdsNamespace = namespace.within(() => checkNew(options));
    const descriptor = holdsNamespace ? namespace.within(() => make(options)) : makeIn(namespace, options);
    return { descriptor, holdsNamespace };
  } finally {
    namespace.close();
  }
}

/**
 * Refuses a device that could not get its address, before it is made: that costs no move.
 * @returns whether there is such a device already, which may be used
 */
function checkNew({ device, address }: TapOptions): boolean {
  if (interfaceIndex(device) > 0) return true;
  if (address !== undefined) checkIpv6(device, address);
  return false;
}

/** Attaches to a device of this thread's namespace, or makes it there. */
function make(options: TapOptions): number {
  return openTun((descriptor) => {
    attach(descriptor, options.device, options);
    setInterface(options.device, options);
  });
}

/**
 * Makes a device in this thread's namespace and moves it: the descriptor belongs to the namespace that it is opened in,
 * and would keep that of a container alive after everything else in it is gone.
 */
function makeIn(namespace: OpenNamespace, options: TapOptions): number {
  const { device } = options;
  return openTun((descriptor) => {
    const passing = attach(descriptor, PASSING, options);
    moveInterface(
      interfaceIndex(passing),
      namespace.descriptor,
      device,
      `move the TAP device ${tapName(options)} there`,
    );
    namespace.within(() => setInterface(device, options));
  });
}

/** Gives a descriptor its device; returns the device's name. */
function attach(descriptor: number, device: string, options: TapOptions): string {
  const { ioctl } = linux();
  const request = interfaceRequest(device);
  const { bytes } = request;
  new DataView(bytes.buffer, bytes.byteOffset).setUint16(FLAGS, IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, true);
  if (ioctl(descriptor, TUNSETIFF, request.address) < 0) {
    const errno = lastErrno();
    if (errno !== Errno.Busy) throw callFailed(`make the TAP device ${tapName(options)}`, errno);
    throw new LiveError('SYSTEM_CALL', `another process has the TAP device ${tapName(options)}; end that first`);
  }
  // Where the kernel doesn't know them it cuts and sums up itself.
  ioctl(descriptor, TUNSETOFFLOAD, OFFLOADS);
  return Buffer.from(bytes.subarray(0, bytes.indexOf(0))).toString();
}

/** Opens a descriptor for a device, which `prepare` gets; it is closed if that throws. */
function openTun(prepare: (descriptor: number) => void): number {
  const { open, close } = linux();
  const path = cString(DEVICE);
  const descriptor = open(path.address, READ_WRITE | NON_BLOCKING | CLOSE_ON_EXEC, 0);
  if (descriptor < 0) throw callFailed(`open ${DEVICE}`);
  try {
    prepare(descriptor);
    return descriptor;
  } catch (error) {
    close(descriptor);
    throw error;
  }
}
