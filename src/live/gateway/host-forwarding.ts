/** Settings of the host's kernel that a gateway needs (Documentation/networking/ip-sysctl.rst). */
import { readFileSync, writeFileSync } from 'node:fs';
import { plain } from '../../text/plain-text.js';

const SETTINGS = '/proc/sys/net/ipv4';

/**
 * Enables forwarding in this process's namespace, and connections from 127.0.0.1 to published ports, as Docker does.
 * Forwarding stays enabled afterwards: others may have come to rely on it.
 * @param device name of the gateway's interface, which exists
 * @param tell receives what was changed, and what could not be
 */
export function enableForwarding(device: string, tell: (text: string) => void): void {
  if (enable(`${SETTINGS}/ip_forward`, 'net.ipv4.ip_forward', tell)) {
    tell('enabled net.ipv4.ip_forward, without which containers reach nothing outside');
  }
  enable(`${SETTINGS}/conf/${device}/route_localnet`, `net.ipv4.conf.${device}.route_localnet`, tell);
}

/** Returns whether the setting was off. */
function enable(path: string, name: string, tell: (text: string) => void): boolean {
  try {
    if (readFileSync(path, 'latin1').trim() !== '0') return false;
    writeFileSync(path, '1');
    return true;
  } catch (error) {
    const { code = 'an unknown error' } = error as NodeJS.ErrnoException;
    tell(plain(`can't enable ${name} (${code}); set it with sysctl -w ${name}=1`));
    return false;
  }
}
