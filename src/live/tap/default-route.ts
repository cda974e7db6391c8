/** Routes and loopback of the namespace that this thread is in (rtnetlink's older sibling: route ioctls, netdevice(7)). */
import { lastErrno, NativeMemory } from '../../foreign/index.js';
import { putSocketAddress } from '../socket/socket-address.js';
import { SocketType, SystemSocket } from '../socket/system-socket.js';
import { callFailed, cString, Errno, linux } from '../system/linux.js';

// include/uapi/linux/sockios.h and route.h
const SIOCADDRT = 0x890b;
const RTF_UP = 1;
const RTF_GATEWAY = 2;
/** struct rtentry of 64-bit Linux: its length, and the offsets of its fields. */
const ROUTE_BYTES = 120;
const DESTINATION = 8;
const GATEWAY = 24;
const MASK = 40;
const FLAGS = 56;
const DEVICE = 88;
const ANY = new Uint8Array(4);

/**
 * Adds the default route of IPv4 through an interface in this thread's namespace. It disappears with the interface.
 * @param gateway on a subnet of the interface: 4 bytes
 * @throws LiveError `NOT_PERMITTED`, `NOT_THERE`, `SYSTEM_CALL`
 */
export function addDefaultRoute(name: string, gateway: Uint8Array): void {
  const what = `add the default route through ${name}`;
  const socket = new SystemSocket(4, SocketType.Datagram, 0, what);
  try {
    const device = cString(name);
    const route = new NativeMemory(ROUTE_BYTES);
    const { bytes } = route;
    putSocketAddress(bytes, DESTINATION, ANY, 0);
    putSocketAddress(bytes, GATEWAY, gateway, 0);
    // Last of the three: each address clears more bytes than it has.
    putSocketAddress(bytes, MASK, ANY, 0);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    view.setUint16(FLAGS, RTF_UP | RTF_GATEWAY, true);
    view.setBigUint64(DEVICE, BigInt(device.address), true);
    if (linux().ioctl(socket.descriptor, SIOCADDRT, route.address) >= 0) return;
    const errno = lastErrno();
    // A persistent device has the route from the last run.
    if (errno !== Errno.Exists) throw callFailed(what, errno);
  } finally {
    socket.close();
  }
}
