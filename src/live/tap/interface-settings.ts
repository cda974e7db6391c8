/** Configures a network interface: MAC, MTU, addresses and the up flag (netdevice(7)). */
import { readFileSync } from 'node:fs';
import { lastErrno, NativeMemory } from '../../foreign/index.js';
import type { Prefix } from '../../overlay/index.js';
import { LiveError } from '../error.js';
import { addDefaultRoute } from './default-route.js';
import { callFailed, Errno, linux } from '../system/linux.js';
import { putSocketAddress } from '../socket/socket-address.js';
import { SocketType, SystemSocket } from '../socket/system-socket.js';

/** Length of an interface's name in bytes, including the terminating zero. */
export const INTERFACE_NAME_BYTES = 16;
/** Length of struct ifreq in bytes. */
export const INTERFACE_REQUEST_BYTES = 40;
const VALUE = INTERFACE_NAME_BYTES;

// include/uapi/linux/sockios.h
const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const SIOCSIFADDR = 0x8916;
const SIOCSIFNETMASK = 0x891c;
const SIOCSIFMTU = 0x8922;
const SIOCSIFHWADDR = 0x8924;
const SIOCGIFINDEX = 0x8933;
/** Whether IPv6 is disabled on new interfaces in the reading thread's namespace (ip-sysctl.rst). */
const DEFAULT_DISABLE_IPV6 = '/proc/sys/net/ipv6/conf/default/disable_ipv6';
const IFF_UP = 1;
const ARPHRD_ETHER = 1;
const LOOPBACK = 'lo';

/** The settings of an interface. */
export interface InterfaceSettings {
  readonly mac: Uint8Array;
  /** Maximum length of an IP packet in bytes. */
  readonly mtu: number;
  /**
   * Its address, 4 or 16 bytes, with the prefix length.
   * @default no address
   */
  readonly address?: Prefix;
  /**
   * The gateway of the namespace's default route, which leads through this interface: 4 bytes.
   * @default no default route
   */
  readonly defaultGateway?: Uint8Array;
  /**
   * Whether to bring up the namespace's loopback interface as well.
   * @default false
   */
  readonly loopback?: boolean;
}

/**
 * A struct ifreq: the name, and room for the value.
 * @internal
 */
export function interfaceRequest(name: string): NativeMemory {
  const memory = new NativeMemory(INTERFACE_REQUEST_BYTES);
  memory.bytes.set(Buffer.from(name).subarray(0, INTERFACE_NAME_BYTES - 1));
  return memory;
}

/** The index of an interface in this thread's namespace; 0 if there is none with that name. */
export function interfaceIndex(name: string): number {
  const socket = new SystemSocket(4, SocketType.Datagram, 0, `settings of ${name}`);
  try {
    const memory = interfaceRequest(name);
    if (linux().ioctl(socket.descriptor, SIOCGIFINDEX, memory.address) >= 0)
      return viewOfMemory(memory).getInt32(VALUE, true);
    const errno = lastErrno();
    if (errno === Errno.NoDevice) return 0;
    throw callFailed(`read the settings of ${name}`, errno);
  } finally {
    socket.close();
  }
}

/**
 * Configures an interface in this thread's namespace, and brings it up.
 * @throws LiveError `NOT_THERE`, `NOT_PERMITTED`, `SYSTEM_CALL` with the setting that failed
 */
export function setInterface(name: string, settings: InterfaceSettings): void {
  const { mac, mtu, address, defaultGateway, loopback = false } = settings;
  const socket = new SystemSocket(4, SocketType.Datagram, 0, `settings of ${name}`);
  try {
    const change = (what: string, request: number, fill: (bytes: Uint8Array, view: DataView) => void): void => {
      const memory = interfaceRequest(name);
      fill(memory.bytes, viewOfMemory(memory));
      if (linux().ioctl(socket.descriptor, request, memory.address) < 0) throw callFailed(`set the ${what} of ${name}`);
    };
    change('MAC', SIOCSIFHWADDR, (bytes, view) => {
      view.setUint16(VALUE, ARPHRD_ETHER, true);
      bytes.set(mac, VALUE + 2);
    });
    change('MTU', SIOCSIFMTU, (_, view) => view.setInt32(VALUE, mtu, true));
    bringUp(socket, name);
    if (loopback) bringUp(socket, LOOPBACK);
    if (address?.address.length === 4) {
      change('address', SIOCSIFADDR, (bytes) => void putSocketAddress(bytes, VALUE, address.address, 0));
      const mask = Uint8Array.from({ length: 4 }, (_, i) => maskByte(address.length, i));
      change('netmask', SIOCSIFNETMASK, (bytes) => void putSocketAddress(bytes, VALUE, mask, 0));
    } else if (address !== undefined) {
      addIpv6(name, address, indexOf(socket, name));
    }
    if (defaultGateway !== undefined) addDefaultRoute(name, defaultGateway);
  } finally {
    socket.close();
  }
}

function bringUp(socket: SystemSocket, name: string): void {
  const memory = interfaceRequest(name);
  viewOfMemory(memory).setUint16(VALUE, flagsOf(socket, name) | IFF_UP, true);
  if (linux().ioctl(socket.descriptor, SIOCSIFFLAGS, memory.address) < 0) throw callFailed(`set the flags of ${name}`);
}

function viewOfMemory({ bytes }: NativeMemory): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function maskByte(length: number, i: number): number {
  return (0xff << (8 - Math.min(8, Math.max(0, length - 8 * i)))) & 0xff;
}

function ask(socket: SystemSocket, name: string, request: number): DataView {
  const memory = interfaceRequest(name);
  if (linux().ioctl(socket.descriptor, request, memory.address) < 0) throw callFailed(`read the settings of ${name}`);
  return viewOfMemory(memory);
}

function flagsOf(socket: SystemSocket, name: string): number {
  return ask(socket, name, SIOCGIFFLAGS).getUint16(VALUE, true);
}

function indexOf(socket: SystemSocket, name: string): number {
  return ask(socket, name, SIOCGIFINDEX).getInt32(VALUE, true);
}

function ipv6Disabled(name: string): LiveError {
  const path = `net.ipv6.conf.${name}.disable_ipv6`;
  return new LiveError(
    'NOT_PERMITTED',
    `can't set the IPv6 address of ${name}: IPv6 is disabled there (sysctl ${path})`,
  );
}

/**
 * Checks that a new interface in this thread's namespace can have an address.
 * @throws LiveError `NOT_PERMITTED` for an IPv6 address if IPv6 is disabled on new interfaces
 */
export function checkIpv6(name: string, { address }: Prefix): void {
  if (address.length === 16 && isSet(DEFAULT_DISABLE_IPV6)) throw ipv6Disabled(name);
}

function isSet(setting: string): boolean {
  try {
    return Number(readFileSync(setting, 'latin1')) !== 0;
  } catch {
    // Without IPv6 in the kernel, or without /proc, setting the address reports the error.
    return false;
  }
}

/** Adds an IPv6 address with struct in6_ifreq on an IPv6 socket. */
function addIpv6(name: string, { address, length }: Prefix, index: number): void {
  const socket = new SystemSocket(6, SocketType.Datagram, 0, `settings of ${name}`);
  try {
    const memory = new NativeMemory(address.length + 8);
    memory.bytes.set(address);
    const view = viewOfMemory(memory);
    view.setUint32(address.length, length, true);
    view.setInt32(address.length + 4, index, true);
    if (linux().ioctl(socket.descriptor, SIOCSIFADDR, memory.address) >= 0) return;
    const errno = lastErrno();
    // A persistent device has the address from the last run.
    if (errno === Errno.Exists) return;
    const error = callFailed(`set the IPv6 address of ${name}`, errno);
    throw errno === Errno.Access ? ipv6Disabled(name) : error;
  } finally {
    socket.close();
  }
}
