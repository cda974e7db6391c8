/** The state that the managers of a swarm share: its CA, keys, nodes, networks and tasks. */
import { randomBytes } from 'node:crypto';
import type { ServerHttp2Stream } from 'node:http2';
import { AssignmentsMessage, SessionMessage } from '../../src/join/messages.js';
import { send } from './fake-answers.js';
import { FakeCa } from './fake-ca.js';
import type { FakeManager } from './fake-manager.js';

export interface FakeNetwork {
  readonly id: string;
  readonly name: string;
  readonly attachable: boolean;
  readonly options: ReadonlyMap<string, string>;
  readonly subnet: string;
  readonly gateway: string;
  /** Addresses in use, with their prefix lengths. */
  readonly taken: Set<string>;
  readonly ingress: boolean;
}

export interface FakeTask {
  readonly id: string;
  readonly nodeId: string;
  readonly containerId: string | undefined;
  readonly serviceId: string;
  readonly network: FakeNetwork | undefined;
  readonly address: string;
  state: number;
}

export interface FakeNode {
  readonly id: string;
  csr: Uint8Array;
  certificate: string;
  availability: number;
  desiredRole: number;
  sessionId: string;
  trustRoot: Uint8Array;
  sessions: Set<ServerHttp2Stream>;
  assignments: Set<ServerHttp2Stream>;
  sequence: number;
  rotate: boolean;
  /** Address of its load balancer on each network, by the network's id. */
  balancers: Map<string, string>;
}

/** Letters of ids: without hexadecimal digits, which a long row of would be hidden as a key. */
const LETTERS = 'ghijklmnopqrstuvwxyz';

/** An id as Swarm's: 25 characters. */
export function swarmId(): string {
  return Array.from(randomBytes(25), (byte) => LETTERS[byte % LETTERS.length]).join('');
}

/** The state that all managers share. */
export class FakeSwarm {
  readonly clusterId = swarmId();
  ca = new FakeCa();
  /** CA that signs, with the intermediate for it; another than `ca` during a rotation. */
  signing: { ca: FakeCa; intermediate: string } = { ca: this.ca, intermediate: '' };
  secret = '1234567890123456789012345';
  role = 'swarm-worker';
  validityMs = 90 * 24 * 3_600_000;
  /** How long before now certificates become valid. */
  backDatedMs = 3_600_000;
  readonly nodes = new Map<string, FakeNode>();
  readonly removed = new Set<string>();
  readonly networks = new Map<string, FakeNetwork>();
  readonly tasks = new Map<string, FakeTask>();
  /** Tasks of nodes that are not active. */
  readonly pending: FakeTask[] = [];
  readonly managers: FakeManager[] = [];
  /** Addresses that are listed besides the managers'. */
  furtherManagers: readonly string[] = [];
  keys: { subsystem: string; key: Buffer; lamportTime: number }[] = [];
  /** Reports of tasks, as "id state". */
  readonly reports: string[] = [];
  #lamport = 1000;

  constructor() {
    for (const subsystem of ['networking:gossip', 'networking:ipsec']) {
      for (let i = 0; i < 3; i++) this.#addKey(subsystem);
    }
    this.addNetwork('web', {});
  }

  /** Adds the network that each node is on. */
  addIngress(): FakeNetwork {
    return this.addNetwork('ingress', { attachable: false, ingress: true });
  }

  get token(): string {
    return this.ca.token(this.secret);
  }

  addNetwork(
    name: string,
    { attachable = true, ingress = false, options = {} as Record<string, string> },
  ): FakeNetwork {
    const index = this.networks.size;
    const network = {
      id: `net${index}wwwwwwwwwwwwwwwwwwwww`,
      name,
      attachable,
      options: new Map(
        Object.entries({ 'com.docker.network.driver.overlay.vxlanid_list': String(4097 + index), ...options }),
      ),
      subnet: `10.${77 + index}.0.0/24`,
      gateway: `10.${77 + index}.0.1`,
      taken: new Set<string>(),
      ingress,
    };
    this.networks.set(name, network);
    return network;
  }

  /** Drops the oldest key of each subsystem, and adds one. */
  rotateKeys(): void {
    for (const subsystem of ['networking:gossip', 'networking:ipsec']) {
      this.keys.splice(
        this.keys.findIndex((key) => key.subsystem === subsystem),
        1,
      );
      this.#addKey(subsystem);
    }
    this.push();
  }

  /** Starts a rotation of the root CA, which ends once all nodes have certificates of the new one. */
  rotateRoot(): void {
    const ca = new FakeCa();
    this.signing = { ca, intermediate: ca.crossSignedBy(this.ca) };
    for (const node of this.nodes.values()) node.rotate = true;
    for (const manager of this.managers) manager.certify();
    this.push();
  }

  /** Sends each node's session message again. */
  push(): void {
    for (const node of this.nodes.values()) for (const stream of node.sessions) send(stream, this.sessionMessage(node));
  }

  sessionMessage(node: FakeNode): Uint8Array {
    return SessionMessage.encode({
      sessionId: node.sessionId,
      node: {
        id: node.id,
        spec: { availability: node.availability, desiredRole: node.desiredRole },
        status: { state: 2, addr: '127.0.0.1' },
        certificate: { status: { state: node.rotate ? 5 : 3 } },
        attachments: this.#balancersOf(node),
        vxlanUdpPort: 4789,
      },
      managers: [...this.managers.map(({ address }) => address), ...this.furtherManagers].map((addr) => ({
        peer: { nodeId: 'm', addr },
        weight: 10,
      })),
      keys: this.keys,
      rootCa: Buffer.from(this.ca.pem),
    });
  }

  /** The addresses of a node's load balancers, on the ingress network and those that it has tasks on. */
  #balancersOf(node: FakeNode): object[] {
    const held = [...this.tasks.values(), ...this.pending].filter(({ nodeId }) => nodeId === node.id);
    const networks = [...this.networks.values()].filter(
      (network) => network.ingress || held.some((task) => task.network === network),
    );
    for (const [id, address] of node.balancers) {
      if (networks.some((network) => network.id === id)) continue;
      node.balancers.delete(id);
      for (const { taken } of this.networks.values()) taken.delete(address);
    }
    return networks.map((network) => {
      const address = node.balancers.get(network.id) ?? takeAddress(network);
      node.balancers.set(network.id, address);
      return { network: networkMessage(network), addresses: [address] };
    });
  }

  /** Makes a node active, and assigns what waits for that. */
  activate(node: FakeNode): void {
    node.availability = 0;
    this.push();
    for (const task of this.pending.splice(0)) this.assign(task);
  }

  /** Assigns a task to a node. */
  assign(task: FakeTask): void {
    this.tasks.set(task.id, task);
    this.change(task, 0);
    this.push();
  }

  remove(task: FakeTask): void {
    this.tasks.delete(task.id);
    if (task.network !== undefined) task.network.taken.delete(task.address);
    this.change(task, 1);
    this.push();
  }

  change(task: FakeTask, action: number): void {
    const node = this.nodes.get(task.nodeId);
    if (node === undefined) return;
    const appliesTo = String(node.sequence++);
    const message = AssignmentsMessage.encode({
      type: 1,
      appliesTo,
      resultsIn: String(node.sequence),
      changes: [{ assignment: { task: taskMessage(task) }, action }],
    });
    for (const stream of node.assignments) send(stream, message);
  }

  finishRotation(): void {
    if ([...this.nodes.values()].some(({ rotate }) => rotate)) return;
    this.ca = this.signing.ca;
    this.signing = { ca: this.ca, intermediate: '' };
    this.push();
  }

  #addKey(subsystem: string): void {
    this.keys.push({ subsystem, key: randomBytes(16), lamportTime: this.#lamport++ });
  }
}

export function taskMessage(task: FakeTask): object {
  const { id, nodeId, containerId, serviceId, network, address, state } = task;
  return {
    id,
    nodeId,
    serviceId,
    serviceAnnotations: { name: serviceId === '' ? '' : `name of ${serviceId}` },
    spec: containerId === undefined ? {} : { attachment: { containerId } },
    status: { state },
    desiredState: 512,
    networks: network === undefined ? [] : [{ network: networkMessage(network), addresses: [address] }],
  };
}

function networkMessage({ id, name, attachable, ingress, options, subnet, gateway }: FakeNetwork): object {
  return {
    id,
    spec: { annotations: { name }, attachable, ingress },
    driverState: { name: 'overlay', options },
    ipam: { configs: [{ subnet, gateway }] },
  };
}

/** Takes a network's first free address. */
function takeAddress({ subnet, taken }: FakeNetwork): string {
  const base = subnet.replace('.0/24', '');
  const free = Array.from({ length: 200 }, (_, i) => `${base}.${i + 2}/24`).find((address) => !taken.has(address));
  if (free === undefined) throw new Error('no free address');
  taken.add(free);
  return free;
}
