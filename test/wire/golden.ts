/** A recorded packet (the third of recording vxlan/01-icmp, without its echo data), to test the headers against. */

/** Parses hexadecimal text; spaces are ignored. */
export function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'));
}

/** An echo request in VXLAN: outer Ethernet, IPv4, UDP, VXLAN, then the inner frame. */
export const ECHO_IN_VXLAN = bytesOf(`
  020000005002 020000005001 0800
  45 00 0086 ce61 0000 40 11 c6b1 c0a83201 c0a83202
  c7c4 12b5 0072 03a1
  08 000000 001001 00
  02420a000904 02420a000903 0800
  45 00 0054 b4f9 4000 40 01 5fa9 0a000903 0a000904
  08 00 797e 5de7 0001`);
