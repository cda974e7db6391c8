/** What connections to backends begin with, so that these learn who the client is. */
import { isIP } from 'node:net';
import { type ProxiedConnection, proxyHeader1, proxyHeader2 } from '../../mesh/index.js';
import { ProxyVersion } from '../../overlay/index.js';
import type { Client } from './client.js';

/** A header of version 1 or 2 that names nobody, for a client that was gone before its address was asked for. */
const UNKNOWN_1 = Buffer.from('PROXY UNKNOWN\r\n', 'latin1');
const LOCAL_2 = Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex');

/**
 * The PROXY protocol header for connections on behalf of a client; undefined for `ProxyVersion.None`. Version 2 has no TLVs.
 */
export function beginningFor(version: ProxyVersion, client: Client): Uint8Array | undefined {
  if (version === ProxyVersion.None) return undefined;
  const connection: ProxiedConnection = {
    source: client.address,
    sourcePort: client.port,
    destination: client.localAddress,
    destinationPort: client.localPort,
  };
  const isKnown = isIP(connection.source) !== 0 && isIP(connection.destination) !== 0;
  if (version === ProxyVersion.Text) {
    return isKnown ? Buffer.from(proxyHeader1(connection), 'latin1') : UNKNOWN_1;
  }
  return isKnown ? proxyHeader2(connection) : LOCAL_2;
}
