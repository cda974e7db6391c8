/** Linux cooked capture v1, link type 113 (`tcpdump -i any`). */
import { HeaderError } from './header-error.js';
import { header, mac, u16 } from './layout.js';

/** The header's fields in wire order; only the first 8 bytes of a longer address are kept, here split 6 and 2. */
export const linuxSllLayout = header(
  'Linux SLL',
  u16('packetType'),
  u16('arphrdType'),
  u16('addressLength'),
  mac('address'),
  u16('addressRest'),
  u16('protocol'),
);

/** Size of the header in bytes. */
export const LINUX_SLL_HEADER_LEN = linuxSllLayout.span;

const PROTOCOL = linuxSllLayout.offsetOf('protocol');

/** Checks for a header at `offset`: `Short` or `None`. */
export function checkLinuxSll(_bytes: Uint8Array, offset: number, end: number): HeaderError {
  return offset + LINUX_SLL_HEADER_LEN > end ? HeaderError.Short : HeaderError.None;
}

/** The EtherType of the packet after a checked header. */
export function linuxSllProtocol(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + PROTOCOL] << 8) | bytes[offset + PROTOCOL + 1];
}
