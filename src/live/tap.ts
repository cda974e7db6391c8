/** TAP devices: an interface of a container whose other end is this process (tun(4), Documentation/networking/tuntap.rst). */
import { lastErrno } from '../foreign/index.js';
import type { PacketBatch } from '../memory/index.js';
import { isInterfaceName } from '../overlay/interface-name.js';
import { LiveError } from './error.js';
import type { FramePort, FramePortCounters } from './frame-port.js';
import { moveInterface } from './interface-move.js';
import {
  INTERFACE_NAME_BYTES,
  interfaceIndex,
  interfaceRequest,
  type InterfaceSettings,
  setInterface,
} from './interface-settings.js';
import { callFailed, cString, Errno, errnoName, linux } from './linux.js';
import { OpenNamespace } from './network-namespace.js';
import { Refusals } from './refusals.js';
import { TapReader } from './tap-reader.js';
import { TapWriter } from './tap-writer.js';

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

/** A TAP device. It goes when it is closed, unless it was made to stay (`ip tuntap add`). */
export class TapDevice implements FramePort {
  readonly name: string;
  readonly descriptor: number;
  /** Whether this process keeps the device's namespace alive: that of a device that was there before. */
  readonly holdsNamespace: boolean;
  failure: string | undefined;
  readonly #reader: TapReader;
  readonly #writer: TapWriter;
  readonly #late = new Refusals();
  #open = true;

  /**
   * Makes the device, and sets it up.
   * @throws LiveError `SYSTEM_UNAVAILABLE`, `NOT_PERMITTED`, `NOT_THERE`, `BAD_NODE` for a name that none can have, `SYSTEM_CALL`
   */
  constructor({ device, netns, unfinishedChecksums = false, ...settings }: TapOptions) {
    if (!isInterfaceName(device)) {
      throw new LiveError('BAD_NODE', `an interface has a name of 1 to 15 letters, digits and ._-, not ${device}`);
    }
    this.name = netns === undefined ? device : `${device} in ${netns}`;
    const namespace = netns === undefined ? undefined : new OpenNamespace(netns);
    try {
      this.holdsNamespace = namespace?.within(() => interfaceIndex(device) > 0) ?? false;
      if (namespace === undefined) this.descriptor = this.#make(device, settings);
      else if (this.holdsNamespace) this.descriptor = namespace.within(() => this.#make(device, settings));
      else this.descriptor = this.#makeIn(namespace, device, settings);
    } finally {
      namespace?.close();
    }
    this.#reader = new TapReader(this.descriptor);
    this.#writer = new TapWriter(this.descriptor, unfinishedChecksums);
  }

  get counters(): FramePortCounters {
    const { received, refusals } = this.#reader;
    const { sent, refusals: notTaken } = this.#writer;
    const late = this.#late;
    const refused = refusals.total + notTaken.total + late.total;
    return { received, sent, refused, refusedBy: refusals.byName(notTaken, late) };
  }

  get pending(): boolean {
    return this.#reader.pending;
  }

  receive(batch: PacketBatch, network: number): number {
    if (!this.#open) return 0;
    const count = this.#reader.receive(batch, network);
    if (count >= 0) return count;
    this.#noteFailure();
    return 0;
  }

  send(bytes: Uint8Array, start: number, end: number): void {
    if (this.#open) this.#writer.send(bytes, start, end);
    // The kernel's name for a device that is not up.
    else this.#late.add('DEV_READY');
  }

  flush(): void {
    if (this.#open) this.#writer.flush();
  }

  /** Closes the device, which goes by that unless it was made to stay. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    linux().close(this.descriptor);
  }

  #noteFailure(): void {
    const errno = lastErrno();
    if (errno === Errno.Again || errno === Errno.Interrupted) return;
    // EBADFD: the device was deleted, or its namespace with it. EIO: it isn't up, which may change.
    if (errno === Errno.BadDescriptorState) this.failure = `the device ${this.name} is gone (${errnoName(errno)})`;
  }

  /** Attaches to a device of this thread's namespace, or makes it there. */
  #make(device: string, settings: InterfaceSettings): number {
    return openTun((descriptor) => {
      this.#attach(descriptor, device);
      setInterface(device, settings);
    });
  }

  /**
   * Makes a device in this thread's namespace and moves it: the descriptor belongs to the namespace that it is opened in,
   * and would keep that of a container alive after everything else in it is gone.
   */
  #makeIn(namespace: OpenNamespace, device: string, settings: InterfaceSettings): number {
    return openTun((descriptor) => {
      const passing = this.#attach(descriptor, PASSING);
      moveInterface(interfaceIndex(passing), namespace.descriptor, device, `move the TAP device ${this.name} there`);
      namespace.within(() => setInterface(device, settings));
    });
  }

  /** Gives a descriptor its device; returns the device's name. */
  #attach(descriptor: number, device: string): string {
    const { ioctl } = linux();
    const request = interfaceRequest(device);
    const { bytes } = request;
    new DataView(bytes.buffer, bytes.byteOffset).setUint16(FLAGS, IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, true);
    if (ioctl(descriptor, TUNSETIFF, request.address) < 0) {
      const errno = lastErrno();
      if (errno !== Errno.Busy) throw callFailed(`make the TAP device ${this.name}`, errno);
      throw new LiveError('SYSTEM_CALL', `another process has the TAP device ${this.name}; end that first`);
    }
    // Where the kernel doesn't know them it cuts and sums up itself.
    ioctl(descriptor, TUNSETOFFLOAD, OFFLOADS);
    return Buffer.from(bytes.subarray(0, bytes.indexOf(0))).toString();
  }
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
