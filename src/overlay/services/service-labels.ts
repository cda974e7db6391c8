/** Labels of services, which routes follow from. */
import type { Service } from './model.js';
import { PortProtocol, type PublishedPort } from './published-port.js';

/** What a service's labels say, and what routes need besides. */
export interface ServiceLabels {
  /** Name of the service. */
  readonly service: string;
  readonly labels: Readonly<Record<string, string>>;
  /** TCP ports of its tasks that it publishes, each once. */
  readonly ports: readonly number[];
  /** Its networks, by name, in its order. */
  readonly networks: readonly string[];
  /**
   * Whether they are from a dump of a swarm, where something else serves them: a mesh that runs follows them, but they
   * start none.
   * @default false
   */
  readonly isImported?: boolean;
}

/** The labels of a service, if it has some. */
export function serviceLabels({ name, labels = {}, ports, networks }: Service): readonly ServiceLabels[] {
  if (Object.keys(labels).length === 0) return [];
  return [{ service: name, labels, ports: targetPorts(ports), networks: networks.map(({ network }) => network) }];
}

/** The TCP ports of a service's tasks that it publishes, each once. */
export function targetPorts(ports: readonly Pick<PublishedPort, 'protocol' | 'target'>[]): readonly number[] {
  const targets = ports.flatMap(({ protocol, target }) => (protocol === PortProtocol.Tcp ? [target] : []));
  return [...new Set(targets)];
}
