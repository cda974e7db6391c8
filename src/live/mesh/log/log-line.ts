/** A line of the access log. */
import type { Exchange } from '../exchange.js';

/** What isn't printable ASCII, and DEL: JSON itself escapes the controls below. */
const BEYOND = /[\u007f-\uffff]/;
const ALL_BEYOND = /[\u007f-\uffff]/g;

/**
 * A request or a connection as a line of JSON, in ASCII: whatever a client sends, a terminal shows nothing but text. The
 * path has its query, as in other access logs, so tokens in URLs are in it. Values of fields such as cookies are not.
 * @param ended Unix time in milliseconds
 * @param milliseconds how long it took
 * @param node name of this node
 */
export function logLine(exchange: Exchange, ended: number, milliseconds: number, node: string): string {
  const { client, protocol, method, host, path, route, target, status } = exchange;
  const text = JSON.stringify({
    time: new Date(ended).toISOString(),
    client: client.address,
    port: client.port,
    protocol,
    method: method === '' ? undefined : method,
    host,
    path: path === '' ? undefined : path,
    status: status === 0 ? undefined : status,
    service: route?.route.service,
    task: target?.name,
    backend: target === undefined ? undefined : `${target.host}:${target.port}`,
    bytesIn: exchange.bytesIn,
    bytesOut: exchange.bytesOut,
    ms: Math.round(milliseconds * 100) / 100,
    attempts: exchange.attempts,
    failure: exchange.failure,
    node,
  });
  return `${BEYOND.test(text) ? text.replace(ALL_BEYOND, escaped) : text}\n`;
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
