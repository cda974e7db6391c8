/** The optional package cap, which brings libpcap: loaded where a call needs it, and what to install where it isn't there. */
import { createRequire } from 'node:module';
import { LiveError } from './error.js';

/** A device that is open; what is used of the package's class. */
export interface CapDevice {
  /** @returns its link type in words. Throws what libpcap says. */
  open(device: string, filter: string, bufferBytes: number, packet: Buffer): string;
  /** Throws what libpcap says. */
  send(packet: Uint8Array): void;
  on(event: 'packet', listener: (length: number, truncated: boolean) => void): void;
}

/** A device as the package lists it. */
export interface CapListing {
  readonly name: string;
  readonly description?: string;
  readonly addresses: readonly { readonly addr?: string; readonly netmask?: string }[];
  readonly flags?: string;
}

/** What is used of the package; it has no types of its own. */
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
    throw new LiveError('CAP_UNAVAILABLE', `live capture needs the package cap, which ${lacking(error)}`, {
      cause: error,
    });
  }
}

function lacking(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  const words = (error instanceof Error ? error.message : String(error)).split('\n')[0];
  if (code === 'MODULE_NOT_FOUND') {
    return words.includes('.node')
      ? `was not built (on Debian: ${BUILD}; then npm rebuild cap)`
      : `is not installed (on Debian: ${BUILD}; then npm install cap)`;
  }
  if (words.includes('libpcap')) return `lacks libpcap: ${words} (on Debian: apt-get install libpcap0.8)`;
  return `can't be loaded: ${words} (on Debian: ${BUILD}; then npm rebuild cap)`;
}
