/** Brings up `lo`, which is down in a new network namespace: its addresses answer only then. */
import { type NativeMemory } from '../../foreign/index.js';
import { SocketType, SystemSocket } from '../socket/system-socket.js';
import { callFailed, linux } from '../system/linux.js';
import { INTERFACE_NAME_BYTES, interfaceRequest } from '../tap/interface-settings.js';

// include/uapi/linux/sockios.h, if.h
const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const IFF_UP = 1;

/**
 * Brings up `lo` in this thread's namespace.
 * @throws LiveError `NOT_PERMITTED`, `SYSTEM_CALL`
 */
export function bringUpLoopback(): void {
  const socket = new SystemSocket(4, SocketType.Datagram, 0, 'settings of lo');
  try {
    const request: NativeMemory = interfaceRequest('lo');
    const { bytes } = request;
    const flags = new DataView(bytes.buffer, bytes.byteOffset + INTERFACE_NAME_BYTES, 2);
    if (linux().ioctl(socket.descriptor, SIOCGIFFLAGS, request.address) < 0) throw callFailed('read the flags of lo');
    if ((flags.getUint16(0, true) & IFF_UP) !== 0) return;
    flags.setUint16(0, flags.getUint16(0, true) | IFF_UP, true);
    if (linux().ioctl(socket.descriptor, SIOCSIFFLAGS, request.address) < 0) throw callFailed('bring up lo');
  } finally {
    socket.close();
  }
}
