/**
 * The rules of a node on its host, as text for `nft -f -`: what Docker has in iptables for docker_gwbridge and published
 * ports, in a separate table.
 */
import { isInterfaceName } from '../../overlay/internal.js';
import { formatPrefix, type GatewaySettings, portName, PortProtocol } from '../../overlay/index.js';
import { inQuotes } from '../../text/plain-text.js';
import { formatIpv4 } from '../../wire/index.js';
import { LiveError } from '../error.js';
import { tableName } from './table-name.js';

/** A port of the host that leads to one task: host mode. */
export interface HostModePort {
  readonly protocol: PortProtocol;
  /** Port on the host. */
  readonly published: number;
  /** The task's address in the gateway network: 4 bytes. */
  readonly address: Uint8Array;
  /** Port on which the task listens. */
  readonly target: number;
}

/** A port of the host that leads to the ingress load balancer, which knows the tasks. */
export interface IngressModePort {
  readonly protocol: PortProtocol;
  readonly published: number;
}

/** The published ports of a node. */
export interface HostPorts {
  /** The ingress load balancer's address in the gateway network: 4 bytes. */
  readonly sandbox: Uint8Array;
  readonly ingress: readonly IngressModePort[];
  readonly host: readonly HostModePort[];
}

const MAX_PORT = 65_535;
const PROTOCOLS: readonly PortProtocol[] = Object.values(PortProtocol);

/**
 * Rules that replace those of a node in one transaction, whether its table exists or not. Established connections have
 * their translation in conntrack, and keep it.
 * @returns text for `nft -f -`
 * @throws LiveError `BAD_NODE` for an invalid address, port or interface name, and for a port that is published twice
 */
export function hostRulesText(node: string, gateway: GatewaySettings, ports: HostPorts): string {
  const { name, subnet, icc, masquerade } = gateway;
  if (!isInterfaceName(name)) {
    throw new LiveError('BAD_NODE', `${inQuotes(name)} is not a name for the gateway's interface`);
  }
  if (subnet.address.length !== 4) throw new LiveError('BAD_NODE', "the gateway's subnet is not IPv4");
  checkPorts(ports);
  const device = `"${name}"`;
  const from = formatPrefix(subnet);
  const table = tableName(node);
  return [
    ...removal(table),
    `table ip ${table} {`,
    ...chain('ingress_ports', ingressRules(ports)),
    ...chain('host_ports', hostRules(ports)),
    ...chain('prerouting', [
      'type nat hook prerouting priority -100; policy accept;',
      'fib daddr type local jump ingress_ports',
      `iifname != ${device} fib daddr type local jump host_ports`,
    ]),
    ...chain('output', [
      'type nat hook output priority -100; policy accept;',
      'fib daddr type local jump ingress_ports',
      'fib daddr type local jump host_ports',
    ]),
    ...chain('postrouting', [
      'type nat hook postrouting priority 100; policy accept;',
      // Connections from 127.0.0.1, and from the host's other addresses, get the gateway's.
      `oifname ${device} fib saddr type local masquerade`,
      // A container at a published port of its own node: without a bridge, the answer must come back through the host.
      `oifname ${device} ip saddr ${from} ct status dnat masquerade`,
      ...(masquerade ? [`oifname != ${device} ip saddr ${from} masquerade`] : []),
    ]),
    ...chain('forward', [
      'type filter hook forward priority 0; policy accept;',
      `oifname ${device} ct status dnat accept`,
      `iifname ${device} ct direction reply ct status dnat accept`,
      `oifname ${device} ct state established,related accept`,
      ...(icc ? [`iifname ${device} oifname ${device} accept`] : []),
      // With icc=false also from the gateway to itself.
      `oifname ${device} drop`,
      ...['"docker0"', '"br-*"'].map((other) => `iifname ${device} oifname ${other} drop`),
    ]),
    '}',
    '',
  ].join('\n');
}

/** Rules that remove a node's table, whether it exists or not. */
export function removalText(node: string): string {
  return [...removal(tableName(node)), ''].join('\n');
}

/** The first line creates the table if it is absent, since deleting one that is absent fails. */
function removal(table: string): string[] {
  return [`table ip ${table}`, `delete table ip ${table}`];
}

function chain(name: string, rules: readonly string[]): string[] {
  return [`\tchain ${name} {`, ...rules.map((rule) => `\t\t${rule}`), '\t}'];
}

function ingressRules({ sandbox, ingress }: HostPorts): string[] {
  return PROTOCOLS.flatMap((protocol) => {
    const ports = ingress.filter((port) => port.protocol === protocol).map(({ published }) => published);
    return ports.length === 0 ? [] : [`${protocol} dport { ${ports.join(', ')} } dnat to ${formatIpv4(sandbox)}`];
  });
}

function hostRules({ host }: HostPorts): string[] {
  return PROTOCOLS.flatMap((protocol) => {
    const elements = host
      .filter((port) => port.protocol === protocol)
      .map(({ published, address, target }) => `${published} : ${formatIpv4(address)} . ${target}`);
    return elements.length === 0 ? [] : [`dnat ip to ${protocol} dport map { ${elements.join(', ')} }`];
  });
}

function checkPorts({ sandbox, ingress, host }: HostPorts): void {
  checkAddress(sandbox);
  const taken = new Set<string>();
  for (const { protocol, published } of [...ingress, ...host]) {
    if (!PROTOCOLS.includes(protocol)) {
      throw new LiveError('BAD_NODE', `${inQuotes(protocol)} is none of tcp, udp and sctp`);
    }
    checkPort(published);
    const name = portName({ published, protocol });
    if (taken.has(name)) throw new LiveError('BAD_NODE', `port ${name} is published twice on this node`);
    taken.add(name);
  }
  for (const { address, target } of host) {
    checkAddress(address);
    checkPort(target);
  }
}

function checkAddress(address: Uint8Array): void {
  if (address.length !== 4) throw new LiveError('BAD_NODE', 'an address in the gateway network is IPv4');
}

function checkPort(port: number): void {
  if (Number.isInteger(port) && port >= 1 && port <= MAX_PORT) return;
  throw new LiveError('BAD_NODE', `ports are 1 to ${MAX_PORT}, not ${String(port)}`);
}
