/** Reads `bridge fdb show` and `ip neigh`: where a node's kernel sends frames, and which MAC an address has. */
import { parseMac } from '../wire/index.js';
import { parseIp } from './prefix.js';

/** A forwarding entry of a vxlan device. */
export interface KernelFdbEntry {
  readonly mac: Uint8Array;
  /** VTEP address. */
  readonly destination: Uint8Array;
  readonly device: string;
  readonly permanent: boolean;
}

/** A neighbour entry. */
export interface KernelNeighbour {
  readonly ip: Uint8Array;
  readonly mac: Uint8Array;
  readonly device: string;
}

const MAC = '([0-9a-f]{2}(?::[0-9a-f]{2}){5})';
const FDB = new RegExp(`^${MAC} dev (\\S+) dst ([0-9a-f.:]+)\\b(.*)$`, 'i');
const NEIGHBOUR = new RegExp(`^([0-9a-f.:]+) dev (\\S+) lladdr ${MAC}\\b`, 'i');

/** Reads `bridge fdb show`: the entries with a `dst`; other lines are passed over. */
export function parseBridgeFdb(text: string): KernelFdbEntry[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const match = FDB.exec(line.trim());
    if (match === null) return [];
    const [, mac, device, destination, rest] = match;
    const permanent = /\b(?:permanent|static)\b/.test(rest);
    return [{ mac: parseMac(mac), destination: parseIp(destination), device, permanent }];
  });
}

/** Reads `ip neigh`: the entries with a MAC; other lines are passed over. */
export function parseIpNeighbours(text: string): KernelNeighbour[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const match = NEIGHBOUR.exec(line.trim());
    if (match === null) return [];
    const [, ip, device, mac] = match;
    return [{ ip: parseIp(ip), mac: parseMac(mac), device }];
  });
}
