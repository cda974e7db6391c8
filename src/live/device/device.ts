/** Lists the devices for capture and injection. */
import { loadCap } from './cap-package.js';
import { LiveError } from '../error.js';

/** A network device, as libpcap names it. */
export interface Device {
  readonly name: string;
  /** libpcap's description, if any. */
  readonly description: string | undefined;
  readonly addresses: readonly string[];
  readonly loopback: boolean;
}

/**
 * Lists the devices in the process's network namespace.
 * @throws LiveError `CAP_UNAVAILABLE`, `DEVICE_UNUSABLE`
 */
export function listDevices(): readonly Device[] {
  const { Cap } = loadCap();
  try {
    return Cap.deviceList().map(({ name, description, addresses, flags }) => ({
      name,
      description,
      addresses: addresses.flatMap(({ addr }) => (addr === undefined ? [] : [addr])),
      loopback: flags === 'PCAP_IF_LOOPBACK',
    }));
  } catch (error) {
    throw new LiveError('DEVICE_UNUSABLE', `can't list the devices: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
