/** The devices that packets can be captured from and sent to. */
import { loadCap } from './cap-package.js';
import { LiveError } from './error.js';

/** A network device, as libpcap names it. */
export interface Device {
  readonly name: string;
  /** What it is, in words, where libpcap says it. */
  readonly description: string | undefined;
  readonly addresses: readonly string[];
  readonly loopback: boolean;
}

/**
 * Lists the devices of this system, or of the network namespace that the process is in.
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
    throw new LiveError('DEVICE_UNUSABLE', `the devices can't be listed: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
