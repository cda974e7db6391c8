/**
 * ECN at tunnel egress (RFC 6040 section 4.2, RFC 4301 section 5.1.2.1; include/net/inet_ecn.h, INET_ECN_decapsulate):
 * a mark on the outer packet is copied to the inner one if that is ECN-capable.
 */
import { updateChecksum } from './checksum.js';
import type { Layers } from './layers.js';

const MASK = 3;
const NOT_ECT = 0;
const ECT0 = 2;
const CE = 3;

/**
 * Propagates the outer packet's mark to the inner packet.
 * @param outerTos the outer packet's DSCP and ECN
 * @param inner a walk over the inner frame, which is marked in place
 * @returns false if the frame must be dropped: CE outside, Not-ECT inside
 */
export function decapsulateEcn(bytes: Uint8Array, outerTos: number, inner: Layers): boolean {
  return inner.family === 0 || propagateEcn(bytes, outerTos, inner.family, inner.networkOffset);
}

/**
 * The same for an IP packet whose header has been checked.
 * @param family 4 or 6
 * @param at offset of the inner IP header
 */
export function propagateEcn(bytes: Uint8Array, outerTos: number, family: number, at: number): boolean {
  const outer = outerTos & MASK;
  if (outer === NOT_ECT || outer === ECT0) return true;
  const ecn = family === 4 ? bytes[at + 1] & MASK : (bytes[at + 1] >>> 4) & MASK;
  if (ecn === NOT_ECT) return outer !== CE;
  mark(bytes, at, family, ecn, outer);
  return true;
}

function mark(bytes: Uint8Array, at: number, family: number, before: number, after: number): void {
  if (before === after || before === CE) return;
  if (family === 6) {
    bytes[at + 1] = (bytes[at + 1] & ~(MASK << 4)) | (after << 4);
    return;
  }
  const old = (bytes[at] << 8) | bytes[at + 1];
  bytes[at + 1] = (bytes[at + 1] & ~MASK) | after;
  const sum = updateChecksum((bytes[at + 10] << 8) | bytes[at + 11], old, (bytes[at] << 8) | bytes[at + 1]);
  bytes[at + 10] = sum >>> 8;
  bytes[at + 11] = sum;
}
