/** This node's addresses on the underlay. */
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { VtepError } from '../../error.js';
import { formatAddress, parseIp } from '../../overlay/index.js';
import { quoted } from '../../text/plain-text.js';
import { SwarmError } from '../error.js';

/** MTU of Ethernet, if the interface's can't be read. */
const ETHERNET_MTU = 1500;
/** Jumbo frames. Loopback's 65,536 bytes would only make buffers large. */
const MAX_MTU = 9000;
/** An IPv4 address in an IPv6 one, which a socket of both families reports. */
const MAPPED = /^::ffff:(?=\d+\.)/i;

/** An address of this machine, and the MTU of the interface that has it. */
export interface UnderlayAddress {
  /** 4 or 16 bytes. */
  readonly address: Uint8Array;
  /** Bytes. */
  readonly mtu: number;
}

/**
 * Finds an address of this machine.
 * @param text the address, IPv4 or IPv6
 * @throws SwarmError `BAD_ADDRESS` if it is none, or no interface has it
 */
export function underlayAddress(text: string): UnderlayAddress {
  let address: Uint8Array;
  try {
    address = parseIp(text.replace(MAPPED, ''));
  } catch (error) {
    if (!(error instanceof VtepError)) throw error;
    throw new SwarmError('BAD_ADDRESS', `${quoted(text)} is not an IP address`, { cause: error });
  }
  const formatted = formatAddress(address);
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    // A labelled address has a suffix after a colon: eth0:1.
    const device = name.replace(/:.*$/, '');
    if (addresses?.some((one) => one.address === formatted) === true) return { address, mtu: mtuOfDevice(device) };
  }
  // Any address of 127.0.0.0/8 is the machine's own.
  if (address.length === 4 && address[0] === 127) return { address, mtu: mtuOfDevice('lo') };
  throw new SwarmError('BAD_ADDRESS', `no interface of this machine has the address ${formatted}`);
}

function mtuOfDevice(device: string): number {
  let mtu = ETHERNET_MTU;
  try {
    mtu = Number(readFileSync(`/sys/class/net/${device}/mtu`, 'utf8')) || ETHERNET_MTU;
  } catch {
    // Not Linux, or a /sys of another network namespace.
  }
  return Math.min(mtu, MAX_MTU);
}
