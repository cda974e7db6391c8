/**
 * Derives SPIs as Swarm does: both ends compute them, without negotiation, by FNV-1a over source address, key tag and
 * destination address (moby daemon/libnetwork/drivers/overlay/encryption.go, buildSPI).
 */

/**
 * Number of bytes that an IPv4 address is hashed as. Docker 29.0.0 to 29.2.0, 28.2.2 and 25.0.13 to 25.0.14 use four,
 * and can't communicate with any other version (moby/moby issue 51798).
 */
export const SpiForm = {
  /** As ::ffff:a.b.c.d, 16 bytes: every other version. */
  Mapped: 'mapped',
  /** As 4 bytes. */
  Short: 'short',
} as const;
export type SpiForm = (typeof SpiForm)[keyof typeof SpiForm];

const OFFSET_BASIS = 0x811c9dc5 | 0;
const PRIME = 0x01000193;

function addByte(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, PRIME);
}

function addAddress(hash: number, address: Uint8Array, form: SpiForm): number {
  let sum = hash;
  if (address.length === 4 && form === SpiForm.Mapped) {
    for (let i = 0; i < 10; i++) sum = addByte(sum, 0);
    sum = addByte(addByte(sum, 0xff), 0xff);
  }
  for (const byte of address) sum = addByte(sum, byte);
  return sum;
}

/**
 * Derives the SPI of one direction.
 * @param source advertise address of the sending node: 4 or 16 bytes
 * @param destination advertise address of the receiving node
 * @param tag the key's Lamport time; only its low 32 bits count
 * @returns 0 to 2^32 - 1; Swarm excludes no value
 */
export function deriveSpi(
  source: Uint8Array,
  destination: Uint8Array,
  tag: number,
  form: SpiForm = SpiForm.Mapped,
): number {
  let hash = addAddress(OFFSET_BASIS, source, form);
  const low = tag % 2 ** 32;
  for (let shift = 24; shift >= 0; shift -= 8) hash = addByte(hash, (low >>> shift) & 0xff);
  return addAddress(hash, destination, form) >>> 0;
}
