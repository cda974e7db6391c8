/** Options of the commands that run a node: `up` and `join`. */
import { aeadDeclared } from '../options/aead-option.js';
import { flag, option } from '../options/declared.js';
import { metricsDeclared } from '../options/metrics-option.js';
import { oversizeDeclared } from '../options/oversize-option.js';
import { choice, decimal, integer } from '../options/value-kinds.js';
import { statusOption } from './up-status.js';

/** Maximum of options in seconds: a year. */
export const LONGEST_SECONDS = 365 * 86_400;

/** Maximum of `--busy-poll` in microseconds: timers and signals wait as long. */
const MAX_BUSY_POLL = 1000;
/** Microseconds per second. */
export const MICROSECONDS = 1e6;

/** How a node sends and receives. */
export const PACKET_OPTIONS = {
  aead: aeadDeclared,
  oversize: oversizeDeclared,
  busyPoll: option(
    '--busy-poll MICROSECONDS',
    'poll for this long after each packet before sleeping (0 to 1000): lower latency for more CPU time',
    integer(0, MAX_BUSY_POLL),
  ).or(0),
  clampMss: flag('--clamp-mss', "lower TCP's maximum segment size to what fits"),
};

/** Which sockets it uses. */
export const SOCKET_OPTIONS = {
  sockets: option(
    '--sockets KIND',
    'system: raw sockets, with many packets per system call; node: node:dgram',
    choice('system', 'node'),
  ).otherwise('system where available'),
  innerChecksums: option(
    '--inner-checksums MODE',
    'verify inner checksums, or accept those that a peer on the same host left partial',
    choice('verify', 'accept'),
  ).otherwise("accept if the VTEP's device is virtual, such as veth or virtio"),
};

/** How it is observed, and when it ends. */
export const RUN_OPTIONS = {
  metrics: metricsDeclared,
  status: statusOption(),
  for: option('--for SECONDS', 'stop after this time', decimal(0.001, LONGEST_SECONDS)),
  json: flag('--json', 'print one JSON object at the end'),
};
