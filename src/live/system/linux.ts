/** Linux system calls for sockets and devices, through koffi. Structures are those of 64-bit little-endian Linux. */
import { endianness } from 'node:os';
import { getSystemErrorName } from 'node:util';
import {
  CType,
  ForeignError,
  type ForeignFunction,
  ForeignLibrary,
  lastErrno,
  NativeMemory,
} from '../../foreign/index.js';
import { LiveError, type LiveErrorCode } from '../error.js';

const { Pointer, Int, Uint32, Uint64, Int64 } = CType;

/** Error numbers used here (include/uapi/asm-generic/errno*.h). */
export const Errno = {
  Perm: 1,
  NoEntry: 2,
  Interrupted: 4,
  Io: 5,
  NoDeviceAddress: 6,
  Again: 11,
  Access: 13,
  Busy: 16,
  Exists: 17,
  NoDevice: 19,
  Invalid: 22,
  BadDescriptorState: 77,
  MessageSize: 90,
  AddressInUse: 98,
  AddressNotAvailable: 99,
  NetworkDown: 100,
  NoBuffers: 105,
  InProgress: 115,
} as const;

const CODES: Readonly<Partial<Record<number, LiveErrorCode>>> = {
  [Errno.Perm]: 'NOT_PERMITTED',
  [Errno.Access]: 'NOT_PERMITTED',
  [Errno.NoEntry]: 'NOT_THERE',
  [Errno.NoDevice]: 'NOT_THERE',
  [Errno.NoDeviceAddress]: 'NOT_THERE',
  [Errno.AddressNotAvailable]: 'NOT_THERE',
  [Errno.AddressInUse]: 'PORT_IN_USE',
};

/** Functions of the C library. On failure they return -1, and `lastErrno()` says why. */
export class Linux {
  readonly open: ForeignFunction;
  readonly close: ForeignFunction;
  readonly read: ForeignFunction;
  readonly write: ForeignFunction;
  readonly readv: ForeignFunction;
  readonly writev: ForeignFunction;
  readonly ioctl: ForeignFunction;
  readonly poll: ForeignFunction;
  readonly setns: ForeignFunction;
  readonly socket: ForeignFunction;
  readonly bind: ForeignFunction;
  readonly connect: ForeignFunction;
  readonly listen: ForeignFunction;
  readonly getsockopt: ForeignFunction;
  readonly setsockopt: ForeignFunction;
  readonly recvmmsg: ForeignFunction;
  readonly sendmmsg: ForeignFunction;
  readonly epollCreate: ForeignFunction;
  readonly epollControl: ForeignFunction;
  readonly epollWait: ForeignFunction;
  readonly eventfd: ForeignFunction;

  constructor() {
    const c = new ForeignLibrary(null, 'this program exports nothing');
    this.open = c.function('open', Int, [Pointer, Int, Int]);
    this.close = c.function('close', Int, [Int]);
    this.read = c.function('read', Int64, [Int, Pointer, Uint64]);
    this.write = c.function('write', Int64, [Int, Pointer, Uint64]);
    this.readv = c.function('readv', Int64, [Int, Pointer, Int]);
    this.writev = c.function('writev', Int64, [Int, Pointer, Int]);
    this.ioctl = c.function('ioctl', Int, [Int, Uint64, Pointer]);
    this.poll = c.function('poll', Int, [Pointer, Uint64, Int]);
    this.setns = c.function('setns', Int, [Int, Int]);
    this.socket = c.function('socket', Int, [Int, Int, Int]);
    this.bind = c.function('bind', Int, [Int, Pointer, Uint32]);
    this.connect = c.function('connect', Int, [Int, Pointer, Uint32]);
    this.listen = c.function('listen', Int, [Int, Int]);
    this.getsockopt = c.function('getsockopt', Int, [Int, Int, Int, Pointer, Pointer]);
    this.setsockopt = c.function('setsockopt', Int, [Int, Int, Int, Pointer, Uint32]);
    this.recvmmsg = c.function('recvmmsg', Int, [Int, Pointer, Uint32, Int, Pointer]);
    this.sendmmsg = c.function('sendmmsg', Int, [Int, Pointer, Uint32, Int]);
    this.epollCreate = c.function('epoll_create1', Int, [Int]);
    this.epollControl = c.function('epoll_ctl', Int, [Int, Int, Int, Pointer]);
    this.epollWait = c.function('epoll_wait', Int, [Int, Pointer, Int, Int]);
    this.eventfd = c.function('eventfd', Int, [Uint32, Int]);
  }
}

let loaded: Linux | undefined;

/**
 * The functions, loaded once.
 * @throws LiveError `SYSTEM_UNAVAILABLE` if this isn't Linux, or koffi isn't installed
 */
export function linux(): Linux {
  if (loaded !== undefined) return loaded;
  if (process.platform !== 'linux' || endianness() !== 'LE' || !['x64', 'arm64', 'riscv64'].includes(process.arch)) {
    throw new LiveError(
      'SYSTEM_UNAVAILABLE',
      `sockets and devices need 64-bit Linux (x64, arm64 or riscv64), not ${process.platform} ${process.arch}`,
    );
  }
  try {
    loaded = new Linux();
    return loaded;
  } catch (error) {
    if (!(error instanceof ForeignError)) throw error;
    throw new LiveError('SYSTEM_UNAVAILABLE', error.message, { cause: error });
  }
}

/** The name of an error number, such as `ENOENT`. */
export function errnoName(errno: number): string {
  // Node has no name for this one, since its own calls never return it.
  if (errno === Errno.BadDescriptorState) return 'EBADFD';
  const name = getSystemErrorName(-errno);
  return /^E[A-Z0-9]+$/.test(name) ? name : `error ${errno}`;
}

/**
 * The error of a call that has just failed.
 * @param what the operation: `bind UDP port 4789`
 * @param rights the required capabilities (capabilities(7))
 */
export function callFailed(what: string, errno = lastErrno(), rights = 'CAP_NET_ADMIN and CAP_NET_RAW'): LiveError {
  const code = CODES[errno] ?? 'SYSTEM_CALL';
  const hint = code === 'NOT_PERMITTED' ? `: run as root, or with ${rights}` : '';
  return new LiveError(code, `can't ${what} (${errnoName(errno)})${hint}`);
}

/** Closes a descriptor. */
export function closeDescriptor(descriptor: number): void {
  linux().close(descriptor);
}

/** A zero-terminated C string. */
export function cString(text: string): NativeMemory {
  const bytes = Buffer.from(text);
  const memory = new NativeMemory(bytes.length + 1);
  memory.bytes.set(bytes);
  return memory;
}

/** A C int. */
export function cInt(value: number): NativeMemory {
  const memory = new NativeMemory(4);
  new DataView(memory.bytes.buffer, memory.bytes.byteOffset).setInt32(0, value, true);
  return memory;
}
