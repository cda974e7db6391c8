/** Virtual servers of `ipvsadm -Ln` and `ipvsadm -Sn`, and the time-outs of `ipvsadm -L --timeout`. */
import { pastedLines } from '../../../text/pasted-text.js';
import type { IpvsTimeouts, VirtualServer } from '../../evidence/firewall.js';
import { socketAddressOf } from '../address-text.js';
import { keptText, placeIn, type Source } from '../source.js';

const SERVICE = /^(FWM|TCP|UDP|SCTP)\s+(\S{1,64})(?:\s|$)/;
const SERVER = /^->\s+(\S{1,64})\s+(.*)$/;
const SAVED = /^-([Aa])\s+-([ftu])\s+(\S{1,64})(?:\s+(.*))?$/;
const TIMEOUTS = /^Timeout \(tcp tcpfin udp\): (\d{1,10}) (\d{1,10}) (\d{1,10})/;
const FORWARDING: Readonly<Record<string, string>> = { m: 'Masq', g: 'Route', i: 'Tunnel' };
const SAVED_PROTOCOLS: Readonly<Record<string, string>> = { f: 'FWM', t: 'TCP', u: 'UDP' };

type Server = VirtualServer['servers'][number];
type Draft = Omit<VirtualServer, 'servers'> & { readonly servers: Server[] };

/** The virtual servers of a source. */
export function* parseVirtualServers(source: Source): Generator<VirtualServer, void> {
  let current: Draft | undefined;
  /** Whether the columns are those of `-Ln`; `--stats` and `--rate` show others. */
  let hasWeights = true;
  for (const { number, text } of pastedLines(source.text)) {
    if (/^Prot\s+LocalAddress/.test(text)) {
      hasWeights = !/\s(?:Conns|CPS)\s/.test(text);
      continue;
    }
    const service = SERVICE.exec(text);
    const saved = SAVED.exec(text);
    if (service !== null || saved?.[1] === 'A') {
      if (current !== undefined) yield current;
      const protocol = service?.[1] ?? SAVED_PROTOCOLS[saved?.[2] ?? ''];
      current = serviceOf(source, number, protocol, service?.[2] ?? saved?.[3] ?? '');
    } else if (current !== undefined) {
      const server = SERVER.exec(text);
      const found =
        server !== null
          ? serverOf(source, number, server[1], server[2], hasWeights)
          : saved !== null
            ? savedServerOf(source, number, saved.at(4) ?? '')
            : undefined;
      if (found !== undefined) current.servers.push(found);
    }
  }
  if (current !== undefined) yield current;
}

function serviceOf(source: Source, line: number, protocol: string, text: string): Draft | undefined {
  const place = placeIn(source, line);
  if (protocol === 'FWM') {
    if (!/^\d{1,10}$/.test(text)) return undefined;
    return { place, protocol, mark: Number(text), address: '', port: 0, servers: [] };
  }
  const socket = socketAddressOf(text);
  if (socket === undefined) {
    source.warn('a virtual server without a numeric address (use ipvsadm -Ln): skipped', line);
    return undefined;
  }
  return { place, protocol, mark: undefined, ...socket, servers: [] };
}

function serverOf(
  source: Source,
  line: number,
  text: string,
  columns: string,
  hasWeights: boolean,
): Server | undefined {
  // The line of column names.
  if (text === 'RemoteAddress:Port') return undefined;
  const socket = socketAddressOf(text);
  if (socket === undefined) {
    source.warn('a real server without a numeric address (use ipvsadm -Ln): skipped', line);
    return undefined;
  }
  const words = columns.trim().split(/\s+/);
  const numberAt = (index: number): number =>
    hasWeights && /^\d{1,15}$/.test(words.at(index) ?? '') ? Number(words[index]) : -1;
  return {
    place: placeIn(source, line),
    ...socket,
    forwarding: hasWeights ? keptText(words.at(0) ?? '') : '',
    weight: numberAt(1),
    active: numberAt(2),
    inactive: numberAt(3),
  };
}

/** `-r 10.0.9.9:0 -m -w 1`. */
function savedServerOf(source: Source, line: number, text: string): Server | undefined {
  const socket = socketAddressOf(/(?:^|\s)-r (\S{1,64})/.exec(text)?.[1] ?? '');
  if (socket === undefined) return undefined;
  const forwarding = /(?:^|\s)-([mgi])(?:\s|$)/.exec(text)?.[1] ?? '';
  return {
    place: placeIn(source, line),
    ...socket,
    forwarding: FORWARDING[forwarding] ?? '',
    weight: Number(/(?:^|\s)-w (\d{1,10})/.exec(text)?.[1] ?? -1),
    active: -1,
    inactive: -1,
  };
}

/** The time-outs of a source. */
export function* parseIpvsTimeouts(source: Source): Generator<IpvsTimeouts, void> {
  if (!source.text.includes('Timeout (')) return;
  for (const { number, text } of pastedLines(source.text)) {
    const match = TIMEOUTS.exec(text);
    if (match === null) continue;
    const [tcp, tcpFin, udp] = match.slice(1).map(Number);
    yield { place: placeIn(source, number), tcp, tcpFin, udp };
  }
}
