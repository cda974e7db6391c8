/** Lines of the logs of dockerd and the kernel that are about overlay networks. */
import { plainText } from '../../../text/pasted-text.js';
import { withoutKeys } from '../../../text/secret-text.js';
import type { LogLine } from '../../evidence/docker.js';
import { type JsonObject, stringOf } from '../json-values.js';
import { keptText, placeIn, type Source } from '../source.js';
import { secondsOf } from './engine.js';

/** Number of characters of a line that are looked at. */
const MAX_LOOKED_AT = 1000;
/** Number of characters of a line that are kept; of longer ones, those at the beginning and at the end. */
const MAX_KEPT = 380;
const KEPT_START = 220;
const KEPT_END = 150;
/** Maximum number of lines of a log that are kept: the last ones may be missing. */
const MAX_LINES = 20_000;

/**
 * What makes a line interesting. From moby (daemon/libnetwork: drivers/overlay, networkdb, osl, iptables, service),
 * hashicorp/memberlist, swarmkit's agent, and the kernel's net/.
 */
const INTEREST = new RegExp(
  [
    // ESP and its keys.
    String.raw`xfrm|encrypt|decrypt|\bSPI\b|security association|\bESP\b|rfc4106|alg: |network key`,
    // The tables of VXLAN devices.
    String.raw`vxlan|\bfdb\b|neigh(?:bor|bour)|peer(?:Add|Delete|add|delete| add| delete)|permanent ARP|remote reference|resolve(?:d)? peer`,
    String.raw`sandbox join failed|subnet sandbox|unable to (?:connect|complete|delete)|VNI`,
    // Gossip.
    String.raw`memberlist|networkdb|bulk ?sync|gossip|left the cluster|suspect|health ?score|Node (?:join|leave|fail|[a-f0-9]{12}/)`,
    // The swarm's control plane.
    String.raw`swarm|raft|dispatcher|session failed|heartbeat|advertise|data-path|:2377|:7946|:4789`,
    // Filters, translation and connection tracking.
    String.raw`ip6?tables|nftables|firewalld|conntrack|IPVS|ipvs|br_netfilter|bridge-nf`,
    // The kernel's path of packets.
    String.raw`hw csum failure|bad checksum|Dead loop on virtual device|NETDEV WATCHDOG|transmit queue|martian|table overflow|table full|MTU|fragment`,
    String.raw`address already in use|file exists|overlaps|no available (?:IPv4|network)|ingress`,
  ].join('|'),
  'i',
);

/** What dockerd logs for its developers, and the kernel for each container that starts or ends. */
const QUIET =
  /\blevel=(?:debug|trace)\b|\bentered (?:disabled|blocking|listening|learning|forwarding|promiscuous|allmulticast)\b|\bleft (?:promiscuous|allmulticast)\b|: renamed from /;
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** A line of interest, and its time. */
export interface DatedLine {
  readonly line: LogLine;
  /** Seconds since 1970, if the line has a date with a zone. */
  readonly seconds: number | undefined;
}

/** The lines of interest of a source. */
export function* parseLog(source: Source): Generator<DatedLine, void> {
  const plain = plainText(source.text);
  let number = 0;
  let kept = 0;
  for (let at = 0; at < plain.length;) {
    const newline = plain.indexOf('\n', at);
    const end = newline < 0 ? plain.length : newline;
    const text = plain.slice(at, Math.min(end, at + MAX_LOOKED_AT)).trim();
    number++;
    at = end + 1;
    if (!INTEREST.test(text) || QUIET.test(text)) continue;
    if (kept++ === MAX_LINES) {
      source.warn(`only the first ${MAX_LINES} lines about overlay networks are used`, number);
      return;
    }
    yield { line: { place: placeIn(source, number), text: keptLine(text) }, seconds: timeOf(text) };
  }
}

/** A line as it is kept: of a long one, such as those that print a whole SA, the beginning and the error at the end. */
function keptLine(text: string): string {
  const kept = withoutKeys(text);
  return keptText(kept.length > MAX_KEPT ? `${kept.slice(0, KEPT_START)} … ${kept.slice(-KEPT_END)}` : kept);
}

/** The time of a line of dockerd (`time="2026-11-21T03:20:02Z"`) or of a journal in ISO format. */
function timeOf(text: string): number | undefined {
  const match = /^(?:time=")?(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d))/.exec(text);
  return match === null ? undefined : secondsOf(match[1].replace(/([+-]\d\d)(\d\d)$/, '$1:$2').replace(',', '.'));
}

/** Starts of lines of logs: dockerd's own, a journal's, syslog's and the kernel's. */
const LINE =
  /^(?:time="|\w{3} +\d{1,2} \d\d:\d\d:\d\d(?:\.\d{1,9})? [\w.-]{1,64} [\w./-]{1,64}(?:\[\d{1,10}\])?: |\[ *\d{1,10}\.\d{6}\] |\[[A-Z][a-z]{2} [A-Z][a-z]{2} +\d{1,2} \d\d:\d\d:\d\d \d{4}\] |\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S{0,16} )/;

/** `docker events` has the time of a log, and nothing to read. */
const EVENT =
  /^\S{20,35} (?:container|network|service|node|image|volume|daemon|config|secret) [a-z_]{2,40}(?::| \S{12,64} \()/;

/** Whether a line is one of a log. */
export function isLogLine(text: string): boolean {
  return LINE.test(text) && !EVENT.test(text);
}

/** Host name of a line of a journal or syslog; undefined if it has none. */
export function hostOfLogLine(text: string): string | undefined {
  const match = /^(\w{3}) +\d{1,2} \d\d:\d\d:\d\d(?:\.\d{1,9})? ([\w.-]{1,64}) /.exec(text);
  return match !== null && MONTHS.includes(match[1]) ? match[2] : undefined;
}

/** Whether an object is a line of a log in JSON: of dockerd, of a journal, or of a container's log. */
export function isJsonLogLine(object: JsonObject): boolean {
  return ['msg', 'MESSAGE', 'log'].some((name) => typeof object[name] === 'string');
}

/** The line of interest of an object; undefined if it is of none. */
export function logLineOf(source: Source, object: JsonObject, line: number): DatedLine | undefined {
  const { msg, MESSAGE, log, level, error, time } = object;
  const text = `${stringOf(msg ?? MESSAGE ?? log)}${typeof error === 'string' ? ` error=${error}` : ''}`.trim();
  if (level === 'debug' || !INTEREST.test(text.slice(0, MAX_LOOKED_AT))) return undefined;
  return {
    line: { place: placeIn(source, line), text: keptLine(text.slice(0, MAX_LOOKED_AT)) },
    seconds: secondsOf(stringOf(time)),
  };
}
