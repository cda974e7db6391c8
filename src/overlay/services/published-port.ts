/** Published ports of a service, in both syntaxes of `docker service create --publish`. */
import { quoted } from '../../text/plain-text.js';
import { OverlayError } from '../error.js';

/** How a published port reaches the tasks. */
export const PublishMode = {
  /** On every node, through the ingress network and its load balancer. */
  Ingress: 'ingress',
  /** On the nodes that run a task, straight to that task. */
  Host: 'host',
} as const;
export type PublishMode = (typeof PublishMode)[keyof typeof PublishMode];

/** Transport protocols that can be published. */
export const PortProtocol = { Tcp: 'tcp', Udp: 'udp', Sctp: 'sctp' } as const;
export type PortProtocol = (typeof PortProtocol)[keyof typeof PortProtocol];

/** A published port. */
export interface PublishedPort {
  readonly protocol: PortProtocol;
  /** Port on which the task listens. */
  readonly target: number;
  /** Port on the nodes; 0 to have one chosen. */
  readonly published: number;
  readonly mode: PublishMode;
}

const MAX_PORT = 65_535;
/** Ports of one range: all of them would make a table of 65535 entries per service. */
const MAX_RANGE = 4096;
const PROTOCOLS: readonly string[] = Object.values(PortProtocol);
const MODES: readonly string[] = Object.values(PublishMode);

/** The first and the last port of a range. */
type Range = readonly [first: number, last: number];

/**
 * Parses a published port: short (`8080:80/tcp`, `53/udp`, `7000-7002:8000-8002`) or long
 * (`published=8080,target=80,protocol=tcp,mode=host`). A range gives one entry per port.
 * @throws OverlayError `BAD_CONFIG` with what is wrong
 */
export function parsePublishedPort(text: string): PublishedPort[] {
  return text.includes('=') ? longSyntax(text) : shortSyntax(text);
}

/** Formats a published port: `8080:80/tcp`, with its mode if it isn't ingress. */
export function formatPublishedPort({ published, target, protocol, mode }: PublishedPort): string {
  const ports = published === 0 ? `${target}/${protocol}` : `${published}:${target}/${protocol}`;
  return mode === PublishMode.Ingress ? ports : `${ports} (${mode})`;
}

/** The name of a port on the nodes: `8080/tcp`. */
export function portName({ published, protocol }: Pick<PublishedPort, 'published' | 'protocol'>): string {
  return `${published}/${protocol}`;
}

function wrong(text: string, why: string): OverlayError {
  return new OverlayError('BAD_CONFIG', `${quoted(text)} is not a published port: ${why}`);
}

function shortSyntax(text: string): PublishedPort[] {
  const [ports, protocol, ...rest] = text.split('/') as [string, string?, ...string[]];
  const [last, published, address] = ports.split(':').reverse() as [string, string?, string?];
  if (rest.length > 0) throw wrong(text, 'it has more than one protocol');
  if (address !== undefined)
    throw wrong(text, 'a service can\'t be published on one address: "hostip is not supported"');
  const target = rangeOf(last, text);
  const outer = published === undefined || published === '' ? undefined : rangeOf(published, text);
  return entriesOf(text, target, outer, protocolOf(protocol ?? PortProtocol.Tcp, text), PublishMode.Ingress);
}

function longSyntax(text: string): PublishedPort[] {
  const fields = new Map<string, string>();
  for (const field of text.split(',')) {
    const parts = field.split('=').map((part) => part.trim().toLowerCase());
    if (parts.length !== 2) throw wrong(text, `${quoted(field)} is not a field with its value`);
    const [name, value] = parts;
    if (!['published', 'target', 'protocol', 'mode'].includes(name)) {
      throw wrong(text, `${quoted(name)} is not a field; there are published, target, protocol and mode`);
    }
    if (fields.has(name)) throw wrong(text, `it has ${name} twice`);
    fields.set(name, value);
  }
  const target = fields.get('target');
  if (target === undefined) throw wrong(text, 'missing mandatory field "target"');
  const published = fields.get('published');
  const mode = fields.get('mode') ?? PublishMode.Ingress;
  if (!MODES.includes(mode)) throw wrong(text, `its mode ${quoted(mode)} is neither ingress nor host`);
  const outer = published === undefined || published === '0' ? undefined : rangeOf(published, text);
  const protocol = protocolOf(fields.get('protocol') ?? PortProtocol.Tcp, text);
  return entriesOf(text, rangeOf(target, text), outer, protocol, mode as PublishMode);
}

function protocolOf(name: string, text: string): PortProtocol {
  const protocol = name.toLowerCase();
  if (!PROTOCOLS.includes(protocol)) throw wrong(text, `${quoted(name)} is none of tcp, udp and sctp`);
  return protocol as PortProtocol;
}

function rangeOf(ports: string, text: string): Range {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(ports);
  if (match === null) throw wrong(text, `${quoted(ports)} is neither a port nor a range of ports`);
  const first = Number(match[1]);
  // The group is undefined for a single port, whatever the type says.
  const last = Number((match[2] as string | undefined) ?? match[1]);
  if (first < 1 || last > MAX_PORT || first > MAX_PORT) throw wrong(text, `ports are 1 to ${MAX_PORT}`);
  if (last < first) throw wrong(text, `the range ${ports} is backwards`);
  if (last - first >= MAX_RANGE) throw wrong(text, `a range has at most ${MAX_RANGE} ports`);
  return [first, last];
}

function entriesOf(
  text: string,
  [first, last]: Range,
  outer: Range | undefined,
  protocol: PortProtocol,
  mode: PublishMode,
): PublishedPort[] {
  if (outer !== undefined && outer[1] - outer[0] !== last - first) {
    throw wrong(text, `${outer[0]}-${outer[1]} and ${first}-${last} have different lengths`);
  }
  return Array.from({ length: last - first + 1 }, (_, i) => ({
    protocol,
    target: first + i,
    published: outer === undefined ? 0 : outer[0] + i,
    mode,
  }));
}
