/** The published ports of a task and the ports that they lead to. */
import { portName, type PublishedPort, PublishMode, type RecordService } from '../../overlay/index.js';
import { IpProtocol } from '../../wire/index.js';
import { BalanceError } from '../balance/error.js';

/** A published port and the one that the task listens on. */
export type TargetPort = Pick<PublishedPort, 'protocol' | 'published' | 'target'>;

const NUMBERS: ReadonlyMap<string, number> = new Map([
  ['tcp', IpProtocol.Tcp],
  ['udp', IpProtocol.Udp],
  ['sctp', IpProtocol.Sctp],
]);
const MAX_PORT = 65_535;

function keyOf(protocol: number, port: number): number {
  return (protocol << 16) | port;
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= MAX_PORT;
}

/**
 * The published ports that a task's record on the ingress network gives it: those in ingress mode that have a number, each
 * once. Records may come from anywhere, so invalid ones are left out, and of two that contradict each other the second.
 */
export function ingressPortsOf(service: RecordService | undefined): TargetPort[] {
  const ports = new Map<number, TargetPort>();
  for (const { mode, protocol, published, target } of service?.ports ?? []) {
    const number = NUMBERS.get(protocol);
    if (mode !== PublishMode.Ingress || number === undefined || !isPort(published) || !isPort(target)) continue;
    const key = keyOf(number, published);
    if (!ports.has(key)) ports.set(key, { protocol, published, target });
  }
  return [...ports.values()];
}

/** Published ports by protocol and number. */
export class TargetPorts {
  /** Targets by protocol and published port. */
  readonly #published = new Map<number, number>();
  readonly #targets = new Set<number>();

  /** @throws BalanceError `BAD_BALANCER` for a port out of range or an unknown protocol, `SERVICE_EXISTS` for a duplicate */
  constructor(ports: readonly TargetPort[]) {
    for (const { protocol, published, target } of ports) {
      const number = NUMBERS.get(protocol);
      if (number === undefined || !isPort(published) || !isPort(target)) {
        const text = `${published}:${target}/${protocol}`;
        throw new BalanceError('BAD_BALANCER', `${text} is not a published port: ports are 1 to ${MAX_PORT}`);
      }
      const key = keyOf(number, published);
      if (this.#published.has(key)) {
        throw new BalanceError('SERVICE_EXISTS', `port ${portName({ published, protocol })} is published twice`);
      }
      this.#published.set(key, target);
      this.#targets.add(keyOf(number, target));
    }
  }

  /**
   * The port that a new connection leads to: a published port's target, or a target itself.
   * @returns -1 for any other port
   */
  targetOf(protocol: number, port: number): number {
    const key = keyOf(protocol, port);
    const target = this.#published.get(key);
    if (target !== undefined) return target;
    return this.#targets.has(key) ? port : -1;
  }
}
