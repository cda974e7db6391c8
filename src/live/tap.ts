/** TAP devices: an interface of a container whose other end is this process (tun(4), Documentation/networking/tuntap.rst). */
import { addressOf, lastErrno } from '../foreign/index.js';
import { NO_SLOT, type PacketBatch } from '../memory/index.js';
import { isInterfaceName } from '../overlay/interface-name.js';
import { LiveError } from './error.js';
import type { FramePort, FramePortCounters } from './frame-port.js';
import { INTERFACE_NAME_BYTES, interfaceRequest, type InterfaceSettings, setInterface } from './interface-settings.js';
import { callFailed, cString, Errno, errnoName, linux } from './linux.js';
import { inNamespace } from './network-namespace.js';
import { OFFLOAD_HEADER_BYTES, OffloadHeader } from './offload-header.js';

const DEVICE = '/dev/net/tun';
const READ_WRITE = 2;
const NON_BLOCKING = 0o4000;
const CLOSE_ON_EXEC = 0o2000000;
// include/uapi/linux/if_tun.h
const TUNSETIFF = 0x400454ca;
const IFF_TAP = 2;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
const FLAGS = INTERFACE_NAME_BYTES;
/** Frames of one reading. */
const BURST = 64;

/** A TAP device that is to be made. */
export interface TapOptions extends InterfaceSettings {
  /** Name of the interface, 1 to 15 characters. */
  readonly device: string;
  /** The namespace that it is made in: a name of `ip netns`, or a path; this process's if not said. */
  readonly netns?: string;
}

/** A TAP device. It goes when it is closed, unless it was made to stay (`ip tuntap add`). */
export class TapDevice implements FramePort {
  readonly name: string;
  readonly descriptor: number;
  failure: string | undefined;
  readonly #system = linux();
  readonly #offload = new OffloadHeader();
  #arena: Uint8Array = new Uint8Array(0);
  #base = 0;
  #received = 0;
  #sent = 0;
  #refused = 0;
  #open = true;

  /**
   * Makes the device, and sets it up.
   * @throws LiveError `SYSTEM_UNAVAILABLE`, `NOT_PERMITTED`, `NOT_THERE`, `BAD_NODE` for a name that none can have, `SYSTEM_CALL`
   */
  constructor({ device, netns, ...settings }: TapOptions) {
    if (!isInterfaceName(device)) {
      throw new LiveError('BAD_NODE', `an interface has a name of 1 to 15 letters, digits and ._-, not ${device}`);
    }
    this.name = netns === undefined ? device : `${device} in ${netns}`;
    const make = (): number => this.#make(device, settings);
    this.descriptor = netns === undefined ? make() : inNamespace(netns, make);
  }

  get counters(): FramePortCounters {
    return { received: this.#received, sent: this.#sent, refused: this.#refused };
  }

  receive(batch: PacketBatch, network: number): number {
    const { arena } = batch;
    this.#useArena(arena.bytes);
    const most = Math.min(BURST, batch.capacity - batch.count);
    let count = 0;
    while (count < most) {
      const slot = arena.take();
      if (slot === NO_SLOT) break;
      const start = arena.frameOffsetOf(slot);
      // No offload was asked for, so that the header in front says nothing.
      const from = start - OFFLOAD_HEADER_BYTES;
      const read = this.#system.read(this.descriptor, this.#base + from, OFFLOAD_HEADER_BYTES + arena.frameBytes);
      const length = read - OFFLOAD_HEADER_BYTES;
      if (length <= 0) {
        arena.free(slot);
        this.#noteFailure();
        break;
      }
      batch.push(slot, start, start + length, network);
      count++;
    }
    this.#received += count;
    return count;
  }

  send(bytes: Uint8Array, start: number, end: number): void {
    this.#useArena(bytes);
    const from = this.#offload.put(bytes, start, end);
    if (this.#open && this.#system.write(this.descriptor, this.#base + from, end - from) >= 0) this.#sent++;
    else this.#refused++;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#system.close(this.descriptor);
  }

  #useArena(bytes: Uint8Array): void {
    if (this.#arena === bytes) return;
    this.#arena = bytes;
    this.#base = addressOf(bytes);
  }

  #noteFailure(): void {
    const errno = lastErrno();
    if (errno === Errno.Again || errno === Errno.Interrupted) return;
    // EBADFD: the device was deleted, or its namespace with it. EIO: it isn't up, which may change.
    if (errno === Errno.BadDescriptorState) this.failure = `the device ${this.name} is gone (${errnoName(errno)})`;
  }

  #make(device: string, settings: InterfaceSettings): number {
    const { open, ioctl, close } = this.#system;
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
      setInterface(device, settings);
      return descriptor;
    } catch (error) {
      close(descriptor);
      throw error;
    }
  }
}
