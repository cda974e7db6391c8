/** Moves an interface to another network namespace (rtnetlink(7)). */
import { lastErrno, NativeMemory } from '../../foreign/index.js';
import { callFailed, linux } from '../system/linux.js';

const NETLINK = 16;
const RAW = 3;
const CLOSE_ON_EXEC = 0o2000000;
// include/uapi/linux/netlink.h and rtnetlink.h
const HEADER_BYTES = 16;
const INTERFACE_BYTES = 16;
const ATTRIBUTE_BYTES = 4;
const RTM_SETLINK = 19;
const REQUEST_AND_ACK = 5;
const NLMSG_ERROR = 2;
const IFLA_IFNAME = 3;
const IFLA_NET_NS_FD = 28;
/** Buffer for a reply: its header, the error, and the request's header. */
const REPLY_BYTES = 4096;

function aligned(length: number): number {
  return (length + 3) & ~3;
}

/** A request to move interface `index` to the namespace of a descriptor under a new name. */
function request(index: number, namespace: number, name: string): NativeMemory {
  const text = Buffer.from(`${name}\0`);
  const namespaceAt = HEADER_BYTES + INTERFACE_BYTES;
  const nameAt = namespaceAt + ATTRIBUTE_BYTES + 4;
  const memory = new NativeMemory(aligned(nameAt + ATTRIBUTE_BYTES + text.length));
  const { bytes } = memory;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, RTM_SETLINK, true);
  view.setUint16(6, REQUEST_AND_ACK, true);
  view.setInt32(HEADER_BYTES + 4, index, true);
  view.setUint16(namespaceAt, ATTRIBUTE_BYTES + 4, true);
  view.setUint16(namespaceAt + 2, IFLA_NET_NS_FD, true);
  view.setInt32(namespaceAt + ATTRIBUTE_BYTES, namespace, true);
  view.setUint16(nameAt, ATTRIBUTE_BYTES + text.length, true);
  view.setUint16(nameAt + 2, IFLA_IFNAME, true);
  bytes.set(text, nameAt + ATTRIBUTE_BYTES);
  return memory;
}

/**
 * Moves an interface out of this thread's namespace.
 * @param index index of the interface
 * @param namespace descriptor of the target namespace
 * @param name its name there
 * @param what the operation, for the error message: `move a device to blue`
 * @throws LiveError `NOT_PERMITTED`, `SYSTEM_CALL`
 */
export function moveInterface(index: number, namespace: number, name: string, what: string): void {
  const { socket, write, read, close } = linux();
  const descriptor = socket(NETLINK, RAW | CLOSE_ON_EXEC, 0);
  if (descriptor < 0) throw callFailed(what);
  try {
    const { address, bytes } = request(index, namespace, name);
    if (write(descriptor, address, bytes.length) < 0) throw callFailed(what);
    const reply = new NativeMemory(REPLY_BYTES);
    // The kernel replies before `write` returns.
    const length = read(descriptor, reply.address, REPLY_BYTES);
    const view = new DataView(reply.bytes.buffer, reply.bytes.byteOffset, REPLY_BYTES);
    if (length < HEADER_BYTES + 4) throw callFailed(what, length < 0 ? lastErrno() : 0);
    const error = view.getUint16(4, true) === NLMSG_ERROR ? view.getInt32(HEADER_BYTES, true) : 0;
    if (error !== 0) throw callFailed(what, -error);
  } finally {
    close(descriptor);
  }
}
