/** Linux cooked capture v2, link type 276: v1 plus the interface index. */
import { HeaderError } from './header-error.js';
import { header, mac, u8, u16, u32 } from './layout.js';

/** The header's fields in wire order. */
export const linuxSll2Layout = header(
  'Linux SLL2',
  u16('protocol'),
  u16('reserved'),
  u32('interfaceIndex'),
  u16('arphrdType'),
  u8('packetType'),
  u8('addressLength'),
  mac('address'),
  u16('addressRest'),
);

/** Size of the header in bytes. */
export const LINUX_SLL2_HEADER_LEN = linuxSll2Layout.span;

/** Checks for a header at `offset`: `Short` or `None`. */
export function checkLinuxSll2(_bytes: Uint8Array, offset: number, end: number): HeaderError {
  return offset + LINUX_SLL2_HEADER_LEN > end ? HeaderError.Short : HeaderError.None;
}

/** The EtherType of the packet after a checked header. */
export function linuxSll2Protocol(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] << 8) | bytes[offset + 1];
}
