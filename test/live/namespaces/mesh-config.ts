/** The config of the mesh's walkthrough: two services, whose tasks are listed one by one. */

/** A task. */
export interface ListedTask {
  readonly service: string;
  readonly slot: number;
  readonly node: 'node1' | 'node2';
  readonly ip: string;
  readonly isDraining?: boolean;
}

/** What changes in the course of it. */
export interface MeshConfig {
  readonly tasks: readonly ListedTask[];
  /** Labels by service. */
  readonly labels: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Virtual IPs by service. */
  readonly vips: Readonly<Record<string, string>>;
}

/** Begins the names of network namespaces. */
const NETNS = '{{.Task.Name}}';

/** The name of a task. */
export function taskName({ service, slot }: ListedTask): string {
  return `${service}.${slot}`;
}

/**
 * The config for a node. The nodes share this machine's namespaces, so each has a mesh in one of its own.
 * @param prefix of the names of namespaces
 */
export function meshConfig({ tasks, labels, vips }: MeshConfig, node: string, prefix: string): string {
  const services = Object.entries(vips).flatMap(([name, vip]) => [
    `  ${name}:`,
    '    networks: [my-network]',
    `    vip: ${vip}`,
    `    netns: '${prefix}${NETNS}'`,
    '    labels:',
    ...Object.entries(labels[name] ?? {}).map(([label, value]) => `      ${label}: ${JSON.stringify(value)}`),
    '    tasks:',
    ...tasks
      .filter(({ service }) => service === name)
      .map(
        ({ slot, node: on, ip, isDraining = false }) =>
          `      - { slot: ${slot}, node: ${on}, ip: ${ip}${isDraining ? ', drain: true' : ''} }`,
      ),
  ]);
  return [
    'nodes:',
    '  node1: { vtep: 192.168.50.1 }',
    '  node2: { vtep: 192.168.50.2 }',
    'networks:',
    '  my-network:',
    '    subnet: 10.0.9.0/24',
    '    attachable: true',
    "    options: { encrypted: '' }",
    'services:',
    ...services,
    'endpoints:',
    `  mesh1: { network: my-network, node: node1, ip: 10.0.9.201, netns: ${prefix}mesh1 }`,
    `  mesh2: { network: my-network, node: node2, ip: 10.0.9.202, netns: ${prefix}mesh2 }`,
    'mesh:',
    '  tls: [8443]',
    `  netns: ${prefix}${node === 'node1' ? 'mesh1' : 'mesh2'}`,
    '',
  ].join('\n');
}
