/** Values that occur in many places of a part. */
import { int, matching, type Shape } from './shape.js';
import { PartError } from './part-error.js';
import { addressOf } from './text-addresses.js';

/** Maximum number of rows of a table. */
export const MAX_ROWS = 1 << 20;
export const MAX_VNI = 0xff_ffff;
/** The most nanoseconds of a time. */
export const NANOSECONDS = 999_999_999;
const MAX_ADDRESS = 64;

/** Seconds of a time. */
export const SECONDS = int(0, 2 ** 36);
/** The rest of a time. */
export const NANOS = int(0, NANOSECONDS);
/** A number of packets, or of their bytes. */
export const COUNT = int();
export const VNI = int(0, MAX_VNI);
export const PORT = int(0, 0xffff);

/** An IP address as `formatIp` formats it. */
export const ipAddress: Shape = (value) => {
  if (typeof value !== 'string' || value.length > MAX_ADDRESS) return ' is no IP address';
  try {
    addressOf(value);
    return undefined;
  } catch (error) {
    if (!(error instanceof PartError)) throw error;
    return ' is no IP address';
  }
};

/** A MAC address as `formatMac` formats it. */
export const macAddress = matching(/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/, 'a MAC address', 17);

/** A short text without control characters: it is printed. */
export const name = matching(/^[\x20-\x7e]+$/, 'a name', 128);
