/** Loads the optional package cap, a binding of libpcap, on demand, and says what to install if it is missing. */
import { createRequire } from 'node:module';
import { LiveError } from '../error.js';

/** An open device; the part of the package's class that is used here. */
export interface CapDevice {
  /**
   * @returns the name of its link type
   * @throws Error with libpcap's message
   */
  open(device: string, filter: string, bufferBytes: number, packet: Buffer): string;
  /** @throws Error with libpcap's message */
  send(packet: Uint8Array): void;
  on(event: 'packet', listener: (length: number, truncated: boolean) => void): void;
}

/** A device in the package's list. */
export interface CapListing {
  readonly name: string;
  readonly description?: string;
  readonly addresses: readonly { readonly addr?: string; readonly netmask?: string }[];
  readonly flags?: string;
}

/** The part of the package that is used here; it has no types. */
export interface CapPackage {
  readonly Cap: { new (): CapDevice; deviceList(): readonly CapListing[] };
}

const BUILD = 'apt-get install build-essential python3 libpcap-dev';

/**
 * Loads the package.
 * @throws LiveError `CAP_UNAVAILABLE`, with what to install
 */
export function loadCap(): CapPackage {
  try {
    return createRequire(import.meta.url)('cap') as CapPackage;
  } catch (error) {
    throw new LiveError('CAP_UNAVAILABLE', `live capture needs the cap package, which ${lacking(error)}`, {
      cause: error,
    });
  }
}

function lacking(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  const message = (error instanceof Error ? error.message : String(error)).split('\n')[0];
  if (code === 'MODULE_NOT_FOUND') {
    return message.includes('.node')
      ? `was not built (on Debian: ${BUILD}; then npm rebuild cap)`
      : `is not installed (on Debian: ${BUILD}; then npm install cap)`;
  }
  if (message.includes('libpcap')) return `lacks libpcap: ${message} (on Debian: apt-get install libpcap0.8)`;
  return `can't be loaded: ${message} (on Debian: ${BUILD}; then npm rebuild cap)`;
}
