/** TAP devices: an interface of a container whose other end is this process (tun(4), Documentation/networking/tuntap.rst). */
import { lastErrno } from '../foreign/index.js';
import type { PacketBatch } from '../memory/index.js';
import { isInterfaceName } from '../overlay/interface-name.js';
import { LiveError } from './error.js';
import type { FramePort, FramePortCounters } from './frame-port.js';
import { INTERFACE_NAME_BYTES, interfaceRequest, type InterfaceSettings, setInterface } from './interface-settings.js';
import { callFailed, cString, Errno, errnoName, linux } from './linux.js';
import { inNamespace } from './network-namespace.js';
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
    const make = (): number => this.#make(device, settings);
    this.descriptor = netns === undefined ? make() : inNamespace(netns, make);
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

  #make(device: string, settings: InterfaceSettings): number {
    const { open, ioctl, close } = linux();
    const path = cString(DEVICE);
    const descriptor = open(path.address, READ_WRITE | NON_BLOCKING | CLOSE_ON_EXEC, 0);
    if (descriptor < 0) throw callFailed(`open ${DEVICE}`);
    try {
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
      setInterface(device, settings);
      return descriptor;
    } catch (error) {
      close(descriptor);
      throw error;
    }
  }
}
