/** Creates TAP devices (tun(4), Documentation/networking/tuntap.rst). */
import { lastErrno } from '../../foreign/index.js';
import { INTERFACE_NAME_RULE, isInterfaceName } from '../../overlay/internal.js';
import { LiveError } from '../error.js';
import { moveInterface } from './interface-move.js';
import {
  checkIpv6,
  INTERFACE_NAME_BYTES,
  interfaceIndex,
  interfaceRequest,
  type InterfaceSettings,
  setInterface,
} from './interface-settings.js';
import { callFailed, cString, Errno, linux } from '../system/linux.js';
import { OpenNamespace } from '../system/network-namespace.js';

const DEVICE = '/dev/net/tun';
const READ_WRITE = 2;
const NON_BLOCKING = 0o4000;
const CLOSE_ON_EXEC = 0o2000000;
// include/uapi/linux/if_tun.h
const TUNSETIFF = 0x400454ca;
const TUNSETOFFLOAD = 0x400454d0;
/**
 * TUN_F_CSUM, TUN_F_TSO4, TUN_F_TSO6: this end handles checksums and TCP segmentation; since Linux 6.2, also that of UDP:
 * TUN_F_USO4, TUN_F_USO6.
 */
const OFFLOADS = 0x07;
const UDP_OFFLOADS = 0x60;
const IFF_TAP = 2;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
const IFF_MULTI_QUEUE = 0x0100;
const FLAGS = INTERFACE_NAME_BYTES;
/** Temporary name of a device before its move to a namespace; the kernel inserts the first free number. */
const TEMPORARY_NAME = 'vtep%d';

/** Settings of a TAP device. */
export interface TapOptions extends InterfaceSettings {
  /** Name of the interface, 1 to 15 characters. */
  readonly device: string;
  /**
   * Its network namespace: an `ip netns` name or a path.
   * @default this process's
   */
  readonly netns?: string;
  /**
   * Whether frames sent to it may have partial TCP and UDP checksums.
   * @default false
   */
  readonly partialChecksums?: boolean;
  /**
   * Number of queues, each with a descriptor of its own, among which the kernel divides flows: by hash, until a frame of
   * a flow is written to a queue, which then gets the flow. A device made beforehand must have `multi_queue`.
   * @default 1
   */
  readonly queues?: number;
}

/** An open TAP device. It disappears with its descriptors, unless it is persistent (`ip tuntap add`). */
export interface OpenTap {
  /** Of its first queue. */
  readonly descriptor: number;
  /** Of its other queues. */
  readonly others?: readonly number[];
  /** Whether the descriptor keeps the device's namespace alive. True for a pre-existing device. */
  readonly holdsNamespace: boolean;
}

/** A device's name in messages. */
export function tapName({ device, netns }: TapOptions): string {
  return netns === undefined ? device : `${device} in ${netns}`;
}

/**
 * Creates and configures a device. In another namespace this blocks the thread for tens of milliseconds: the kernel
 * waits for all readers of a device that moves (`synchronize_net`), as it does when the descriptor is closed.
 * @throws LiveError `SYSTEM_UNAVAILABLE`, `NOT_PERMITTED`, `NOT_THERE`, `BAD_NODE` for an invalid name, `SYSTEM_CALL`
 */
export function openTap(options: TapOptions): OpenTap {
  const { device, netns } = options;
  if (!isInterfaceName(device)) {
    throw new LiveError('BAD_NODE', `${device}: ${INTERFACE_NAME_RULE}`);
  }
  if (netns === undefined) {
    checkNew(options);
    return { ...create(options), holdsNamespace: false };
  }
  const namespace = new OpenNamespace(netns);
  try {
    const holdsNamespace = namespace.within(() => checkNew(options));
    const queues = holdsNamespace ? namespace.within(() => create(options)) : createIn(namespace, options);
    return { ...queues, holdsNamespace };
  } finally {
    namespace.close();
  }
}

/**
 * Rejects a device that can't get its address before creating it, which saves the move.
 * @returns whether the device already exists and can be used
 */
function checkNew({ device, address }: TapOptions): boolean {
  if (interfaceIndex(device) > 0) return true;
  if (address !== undefined) checkIpv6(device, address);
  return false;
}

type Queues = Pick<OpenTap, 'descriptor' | 'others'>;

/** Attaches to a device in this thread's namespace, or creates it there. */
function create(options: TapOptions): Queues {
  return openQueues(options, options.device, () => setInterface(options.device, options));
}

/**
 * Creates a device in this thread's namespace and moves it: a descriptor belongs to the namespace in which it is
 * opened, and would keep a container's namespace alive after everything else in it is gone.
 */
function createIn(namespace: OpenNamespace, options: TapOptions): Queues {
  const { device } = options;
  return openQueues(options, TEMPORARY_NAME, (temporary) => {
    moveInterface(
      interfaceIndex(temporary),
      namespace.descriptor,
      device,
      `move the TAP device ${device} to the network namespace ${namespace.quotedName}`,
    );
    namespace.within(() => setInterface(device, options));
  });
}

/**
 * Opens a descriptor for each queue of a device.
 * @param name the device's name, or a pattern for a new one's
 * @param prepare gets its name once all queues are attached; if it throws, they are closed
 */
function openQueues(options: TapOptions, name: string, prepare: (device: string) => void): Queues {
  const { queues = 1 } = options;
  const others: number[] = [];
  try {
    const descriptor = openTun((first) => {
      const device = attach(first, name, options);
      // Before the move, after which they could no longer be attached from here.
      for (let i = 1; i < queues; i++) others.push(openTun((next) => void attach(next, device, options)));
      prepare(device);
    });
    return queues > 1 ? { descriptor, others } : { descriptor };
  } catch (error) {
    for (const other of others) linux().close(other);
    throw error;
  }
}

/** Attaches a descriptor to a device, and returns the device's name. */
function attach(descriptor: number, device: string, options: TapOptions): string {
  const { ioctl } = linux();
  const request = interfaceRequest(device);
  const { bytes } = request;
  const isMulti = (options.queues ?? 1) > 1;
  const flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (isMulti ? IFF_MULTI_QUEUE : 0);
  new DataView(bytes.buffer, bytes.byteOffset).setUint16(FLAGS, flags, true);
  if (ioctl(descriptor, TUNSETIFF, request.address) < 0) {
    const errno = lastErrno();
    if (errno === Errno.Invalid && isMulti && interfaceIndex(device) > 0) {
      const hint = 'make it with multi_queue (ip tuntap add), or run one worker';
      throw new LiveError('BAD_NODE', `the TAP device ${tapName(options)} has one queue: ${hint}`);
    }
    if (errno !== Errno.Busy) throw callFailed(`create the TAP device ${tapName(options)}`, errno);
    throw new LiveError('SYSTEM_CALL', `another process has the TAP device ${tapName(options)}; stop it first`);
  }
  // A kernel that doesn't support them does segmentation and checksums itself.
  if (ioctl(descriptor, TUNSETOFFLOAD, OFFLOADS | UDP_OFFLOADS) < 0) ioctl(descriptor, TUNSETOFFLOAD, OFFLOADS);
  return Buffer.from(bytes.subarray(0, bytes.indexOf(0))).toString();
}

/** Opens a descriptor for a device and passes it to `prepare`; closes it if that throws. */
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
