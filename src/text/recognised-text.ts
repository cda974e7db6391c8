/** Recognises what a file of the wrong kind contains, so that the error can say so. */
import { plainText } from './pasted-text.js';

/** Number of leading characters that are checked. */
const MAX_CHECKED = 1 << 16;
const MAC = String.raw`[0-9a-f]{2}(?::[0-9a-f]{2}){5}`;

/** The first match is reported, so more specific patterns come first. */
const KINDS: readonly (readonly [what: string, pattern: RegExp])[] = [
  ['a capture (pcap)', /^(?:\ufffd\ufffd\ufffd\ufffd|\u00d4\u00c3\u00b2\u00a1|\n\r\r\n|\n\n\n)/],
  [
    'an error message from ip',
    /^\s*(?:Cannot open network namespace|Cannot find device|RTNETLINK answers|Device ".*" does not exist)/im,
  ],
  [
    'an error message from docker',
    /^\s*(?:Error response from daemon|Error: No such|Cannot connect to the Docker daemon|permission denied while)/im,
  ],
  [
    'an error message from a shell',
    /(?:command not found|No such file or directory|Permission denied|Operation not permitted)\s*$/im,
  ],
  ['a Swarm key ring (networking:... lines)', /^\s*networking:\S+ lamport \d+ key /im],
  ["Wireshark's esp_sa", /^[ \t]*"IPv[46]"[ \t]*,/m],
  ['output of ip xfrm state', /^\s*src \S+ dst \S+[^\n]{0,80}\n\s*proto \S{1,16} spi /im],
  ['output of ip -o xfrm state', /^\s*src \S+ dst \S+[ \t]*\\\s*proto \S{1,16} spi /im],
  ['output of ip xfrm policy', /^\s*src \S+\/\d+ dst \S+\/\d+/im],
  ['output of bridge -j fdb', /"mac"\s*:\s*"[0-9a-f:]{17}"/i],
  ['output of ip -j neigh', /"dst"\s*:\s*"[0-9a-f.:]{2,45}"[^}]{0,200}"(?:lladdr|state)"\s*:/i],
  ['output of docker network inspect', /"(?:IPAM|EnableIPv6|ConfigFrom)"\s*:/],
  ['output of docker inspect of a container', /"(?:HostConfig|GraphDriver|NetworkSettings)"\s*:/],
  ['output of docker network ls', /^\s*NETWORK ID\s+NAME\s+DRIVER/m],
  ['output of brctl showmacs', /^\s*port no\s+mac addr\s+is local/im],
  ['output of ip neigh', new RegExp(String.raw`^\s*[0-9a-f.:]{2,45} (?:dev \S+ )?lladdr ${MAC}`, 'im')],
  [
    'output of bridge fdb',
    new RegExp(String.raw`^\s*${MAC}\s(?:[^\n]{0,120}\s)?(?:self|master|permanent|dst)\b`, 'im'),
  ],
  ['output of arp', new RegExp(String.raw`(?:^Address\s+HWtype|\(\d+\.\d+\.\d+\.\d+\) at ${MAC})`, 'im')],
  ['output of ip link or ip addr', /^\s*\d+: \S+: <[A-Z,_-]+>/m],
  ['output of ip route', /^\s*(?:default via|\d+\.\d+\.\d+\.\d+\/\d+ dev) /m],
  ["tcpdump's text output", /^\s*(?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d\.\d+ (?:IP6?|ARP)\b/m],
  ['a config of vtep', /^\s*(?:nodes|networks|endpoints)\s*:/m],
  ['a key ring', /^\s*-?\s*(?:keys\s*:|\{?\s*"?tag"?\s*:)/m],
  ['an HTML page', /^\s*<(?:!doctype|html)/i],
  ['JSON', /^\s*[[{]\s*["{[]/],
];

/**
 * Describes what a text looks like, such as `output of ip neigh`. Quotes no part of the text.
 * @returns undefined if nothing matches
 */
export function describeText(text: string): string | undefined {
  const start = plainText(text.slice(0, MAX_CHECKED));
  if (start.trim() === '') return 'an empty file';
  // eslint-disable-next-line no-control-regex -- text has no such characters
  if (/^[^\n]{0,8}\u0000/.test(start)) return 'a binary file';
  // Blank lines take the patterns quadratic time. A capture begins with some.
  const lines = start.replace(/\n\s*\n/g, '\n');
  return KINDS.find(([what, pattern]) => pattern.test(what.startsWith('a capture') ? start : lines))?.[0];
}
