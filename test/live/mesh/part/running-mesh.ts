/** A mesh in its thread, with backends on loopback: a node whose services are told to its part. */
import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MeshPart } from '../../../../src/live/mesh/part/mesh-part.js';
import type { MeshOverrides } from '../../../../src/live/mesh/part/mesh-overrides.js';
import type { PartSource } from '../../../../src/live/services/service-part.js';
import {
  Compatibility,
  DEFAULT_MESH,
  type MeshSettings,
  parseIp,
  type ServiceLabels,
  type ServiceRecord,
  type ServiceSet,
  type Topology,
} from '../../../../src/overlay/index.js';
import { swarm } from '../../services/swarm.js';

const NETWORK = 'my-network';

/** A mesh on any port of loopback. */
export const ON_LOOPBACK: MeshSettings = { ...DEFAULT_MESH, http: [0], listen: ['127.0.0.1'] };

/** A response. */
export interface Response {
  readonly status: number;
  readonly text: string;
}

/** A task's record. */
export function taskOf(
  service: string,
  slot: number,
  address: string,
  more: Partial<ServiceRecord> = {},
): ServiceRecord {
  return {
    network: NETWORK,
    endpoint: `${service}.${slot}`,
    name: `${service}.${slot}.x`,
    node: 'node2',
    addresses: [parseIp(address)],
    service: { id: service, name: service, vip: parseIp('127.0.0.200') },
    ...more,
  };
}

/** Labels of a service, whose tasks have one port. */
export function labelsOf(service: string, port: number, host: string): ServiceLabels {
  return { service, labels: { 'com.docker.lb.hosts': host }, ports: [port], networks: [NETWORK] };
}

/** What a part is told: a node with an interface on the network in the host. */
export function source(services: Partial<ServiceSet> = {}, topology: Topology = swarm({ tasks: [] })): PartSource {
  return {
    topology: {
      ...topology,
      services: {
        networks: topology.services?.networks ?? [],
        records: [],
        gateway: undefined,
        compatibility: Compatibility.Docker,
        mesh: ON_LOOPBACK,
        ...services,
      },
    },
    gateway: undefined,
  };
}

/** The part, its backends, and what it told. */
export class RunningMesh {
  readonly told: string[] = [];
  readonly part: MeshPart;
  readonly #servers: Server[] = [];

  constructor(overrides: MeshOverrides = {}) {
    this.part = new MeshPart('node1', (text) => this.told.push(text), overrides);
  }

  /** Starts a backend, which says its name. @returns its port */
  async backend(address: string, name: string, port = 0): Promise<number> {
    const server = createServer({ keepAliveTimeout: 60_000 }, (_request, response) => response.end(name));
    server.listen(port, address);
    await once(server, 'listening');
    this.#servers.push(server);
    return (server.address() as AddressInfo).port;
  }

  /** The port on which the mesh listens. */
  async port(): Promise<number> {
    const [listener] = (await this.report()).listeners;
    return listener.port;
  }

  /** What the thread has done so far. */
  async report(): Promise<NonNullable<MeshPart['report']>> {
    this.part.check();
    await this.part.settled();
    const { report } = this.part;
    if (report === undefined) throw new Error('the mesh does not run');
    return report;
  }

  /** Asks for a host on a connection of its own. */
  async get(host: string, path = '/'): Promise<Response> {
    const port = await this.port();
    const sent = request({ host: '127.0.0.1', port, path, headers: { host }, agent: false });
    sent.end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    let text = '';
    for await (const piece of response) text += String(piece);
    return { status: response.statusCode ?? 0, text };
  }

  /** Waits until so many lines of the log were written. */
  async logged(count: number): Promise<void> {
    while ((await this.report()).logged < count) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  async close(): Promise<void> {
    await this.part.close();
    for (const server of this.#servers) {
      server.close();
      server.closeAllConnections();
    }
  }
}
