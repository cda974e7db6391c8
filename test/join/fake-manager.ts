/**
 * Managers of a swarm, as far as a worker sees them: the CA, the dispatcher and the allocator of attachments, over
 * HTTP/2 and TLS. They answer as swarmkit does, unless a test makes them misbehave.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  constants,
  createSecureServer,
  type Http2SecureServer,
  type Http2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { grpcFrame } from '../../src/join/grpc/frame-reader.js';
import {
  AssignmentsMessage,
  AttachmentReference,
  AttachRequest,
  CertificateStatusRequest,
  CertificateStatusResponse,
  HeartbeatResponse,
  IssueRequest,
  IssueResponse,
  RootCaResponse,
  SessionMessage,
  SessionReference,
  SessionRequest,
  UpdateTaskStatusRequest,
} from '../../src/join/messages.js';
import { FakeCa, keyOfRequest } from './fake-ca.js';

/** Name of each of the 9 methods, by path. */
const PACKAGE = '/docker.swarmkit.v1.';
const PERIOD_NANOS = 100_000_000;

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

interface FakeTask {
  readonly id: string;
  readonly nodeId: string;
  readonly containerId: string | undefined;
  readonly serviceId: string;
  readonly network: FakeNetwork | undefined;
  readonly address: string;
  state: number;
}

interface FakeNode {
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
function swarmId(): string {
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

/** Sends a message on a stream, as is. */
export function send(stream: ServerHttp2Stream, message: Uint8Array): void {
  if (!stream.destroyed) stream.write(grpcFrame(message));
}

export type Handler = (stream: ServerHttp2Stream, request: Uint8Array, peer: string | undefined) => void;

/** Answers with headers that a stream of messages follows. */
export function begin(stream: ServerHttp2Stream): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
}

/** Answers with one message. */
export function answer(stream: ServerHttp2Stream, message: Uint8Array): void {
  begin(stream);
  stream.end(grpcFrame(message));
}

/** Answers with an error. */
export function refuse(stream: ServerHttp2Stream, status: number, message: string): void {
  stream.respond(
    {
      ':status': 200,
      'content-type': 'application/grpc',
      'grpc-status': String(status),
      'grpc-message': encodeURIComponent(message),
    },
    { endStream: true },
  );
}

/** Ends a stream with an error. */
export function endWith(stream: ServerHttp2Stream, status: number, message: string): void {
  stream.removeAllListeners('wantTrailers');
  stream.on('wantTrailers', () =>
    stream.sendTrailers({ 'grpc-status': String(status), 'grpc-message': encodeURIComponent(message) }),
  );
  stream.end();
}

/** One manager. */
export class FakeManager {
  address = '';
  /** Handlers that replace the proper ones, by method name. */
  readonly overrides = new Map<string, Handler>();
  /** Number of calls, by method name. */
  readonly calls = new Map<string, number>();
  readonly swarm: FakeSwarm;
  #server: Http2SecureServer;
  #sessions = new Set<Http2Session>();

  private constructor(swarm: FakeSwarm, server: Http2SecureServer) {
    this.swarm = swarm;
    this.#server = server;
  }

  /**
   * Starts a manager.
   * @param host the address that it names to the nodes. Default: that of the loopback interface
   * @param within calls its argument, such as in another network namespace; the manager then listens there on all
   * addresses
   */
  static async start(
    swarm: FakeSwarm,
    certificate = swarm.ca.certify({
      commonName: 'manager',
      role: 'swarm-manager',
      organization: swarm.clusterId,
      names: ['swarm-manager', 'swarm-ca'],
    }),
    port = 0,
    host = '127.0.0.1',
    within: (listen: () => void) => void = (listen) => listen(),
  ): Promise<FakeManager> {
    const server = createSecureServer({
      ...certificate,
      ca: swarm.ca.pem,
      requestCert: true,
      rejectUnauthorized: false,
    });
    const manager = new FakeManager(swarm, server);
    server.on('session', (session) => {
      manager.#sessions.add(session);
      session.on('error', () => undefined);
    });
    server.on('stream', (stream, headers) => {
      const chunks: Buffer[] = [];
      stream.on('error', () => undefined);
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const socket = stream.session?.socket as TLSSocket | undefined;
        const subject = socket?.getPeerCertificate().subject as { CN?: string } | undefined;
        manager.#dispatch(stream, String(headers[':path']), Buffer.concat(chunks).subarray(5), subject?.CN);
      });
    });
    const listening = once(server, 'listening');
    // With an address, the socket would be created later.
    within(() => (host === '127.0.0.1' ? server.listen(port, host) : server.listen(port)));
    await listening;
    manager.address = `${host}:${(server.address() as AddressInfo).port}`;
    swarm.managers.push(manager);
    return manager;
  }

  /** Gets a certificate of the CA that signs now, for connections from now on. */
  certify(): void {
    const { signing, ca, clusterId } = this.swarm;
    const names = ['swarm-manager', 'swarm-ca'];
    const { key, cert } = signing.ca.certify({
      commonName: 'manager',
      role: 'swarm-manager',
      organization: clusterId,
      names,
    });
    this.#server.setSecureContext({ key, cert: cert + signing.intermediate, ca: [ca.pem, signing.ca.pem] });
  }

  /** Ends at once, as when killed. */
  stop(): void {
    this.#server.close();
    for (const session of this.#sessions) session.destroy();
    this.swarm.managers.splice(this.swarm.managers.indexOf(this), 1);
  }

  /** The handler that answers a method as swarmkit does. */
  proper(name: string): Handler {
    const path = Object.keys(this.#handlers).find((each) => each.endsWith(`/${name}`)) ?? '';
    const handler = this.#handlers[path];
    if (handler === undefined) throw new Error(name);
    return handler;
  }

  #dispatch(stream: ServerHttp2Stream, path: string, request: Uint8Array, peer: string | undefined): void {
    if (!path.startsWith(PACKAGE)) throw new Error(path);
    if (stream.destroyed) return;
    const name = path.slice(path.lastIndexOf('/') + 1);
    this.calls.set(name, (this.calls.get(name) ?? 0) + 1);
    const handler = this.overrides.get(name) ?? this.#handlers[path.slice(PACKAGE.length)];
    if (handler === undefined) throw new Error(path);
    if (peer !== undefined && this.swarm.removed.has(peer)) {
      refuse(stream, 7, `Permission denied: unauthorized peer role: node ${peer} was removed from swarm`);
      return;
    }
    handler(stream, request, peer);
  }

  readonly #handlers: Readonly<Partial<Record<string, Handler>>> = {
    'CA/GetRootCACertificate': (stream) =>
      answer(stream, RootCaResponse.encode({ certificate: Buffer.from(this.swarm.ca.pem) })),
    'NodeCA/IssueNodeCertificate': (stream, request, peer) => this.#issue(stream, request, peer),
    'NodeCA/NodeCertificateStatus': (stream, request) => {
      const { nodeId } = CertificateStatusRequest.decode(request);
      const node = this.swarm.nodes.get(nodeId);
      if (node === undefined) {
        refuse(stream, 5, 'node not found');
        return;
      }
      const certificate = { csr: node.csr, certificate: Buffer.from(node.certificate), cn: nodeId };
      answer(stream, CertificateStatusResponse.encode({ status: { state: 3 }, certificate }));
    },
    'Dispatcher/Session': (stream, request, peer) => this.#session(stream, request, peer),
    'Dispatcher/Heartbeat': (stream, request, peer) => {
      if (!this.#isCurrent(stream, SessionReference.decode(request).sessionId, peer)) return;
      answer(stream, HeartbeatResponse.encode({ period: { nanos: PERIOD_NANOS } }));
    },
    'Dispatcher/Assignments': (stream, request, peer) => {
      const { sessionId } = SessionReference.decode(request);
      if (!this.#isCurrent(stream, sessionId, peer)) return;
      const node = this.swarm.nodes.get(peer ?? '');
      if (node === undefined) return;
      begin(stream);
      node.sequence = 1;
      node.assignments.add(stream);
      stream.on('close', () => node.assignments.delete(stream));
      const own = [...this.swarm.tasks.values()].filter((task) => task.nodeId === node.id);
      const changes = own.map((task) => ({ assignment: { task: taskMessage(task) } }));
      send(stream, AssignmentsMessage.encode({ resultsIn: '1', changes }));
    },
    'Dispatcher/UpdateTaskStatus': (stream, request, peer) => {
      const { sessionId, updates } = UpdateTaskStatusRequest.decode(request);
      if (!this.#isCurrent(stream, sessionId, peer)) return;
      for (const { taskId, status } of updates) {
        this.swarm.reports.push(`${taskId} ${status?.state ?? 0}`);
        const task = this.swarm.tasks.get(taskId);
        if (task !== undefined) task.state = status?.state ?? 0;
      }
      answer(stream, new Uint8Array(0));
    },
    'ResourceAllocator/AttachNetwork': (stream, request, peer) => this.#attach(stream, request, peer),
    'ResourceAllocator/DetachNetwork': (stream, request) => {
      const { attachmentId } = AttachmentReference.decode(request);
      const waiting = this.swarm.pending.findIndex(({ id }) => id === attachmentId);
      if (waiting >= 0) {
        const [{ network, address }] = this.swarm.pending.splice(waiting, 1);
        network?.taken.delete(address);
        answer(stream, new Uint8Array(0));
        this.swarm.push();
        return;
      }
      const task = this.swarm.tasks.get(attachmentId);
      if (task === undefined) {
        refuse(stream, 5, 'attachment not found');
        return;
      }
      answer(stream, new Uint8Array(0));
      this.swarm.remove(task);
    },
  };

  #issue(stream: ServerHttp2Stream, request: Uint8Array, peer: string | undefined): void {
    const { swarm } = this;
    const { csr, token, availability } = IssueRequest.decode(request);
    if (peer === undefined && token !== swarm.token) {
      refuse(stream, 3, 'A valid join token is necessary to join this cluster');
      return;
    }
    const id = peer ?? swarmId();
    const { ca, intermediate } = swarm.signing;
    const notBefore = Date.now() - swarm.backDatedMs;
    const certificate = ca.issue({
      commonName: id,
      role: swarm.role,
      organization: swarm.clusterId,
      names: [swarm.role, id],
      publicKey: keyOfRequest(csr),
      notBefore,
      notAfter: Date.now() + swarm.validityMs,
    });
    const before = swarm.nodes.get(id);
    const node = before ?? {
      id,
      csr,
      certificate: '',
      availability,
      desiredRole: 0,
      sessionId: '',
      trustRoot: new Uint8Array(0),
      sessions: new Set<ServerHttp2Stream>(),
      assignments: new Set<ServerHttp2Stream>(),
      sequence: 0,
      rotate: false,
      balancers: new Map<string, string>(),
    };
    node.csr = csr;
    node.certificate = certificate + intermediate;
    swarm.nodes.set(id, node);
    answer(stream, IssueResponse.encode({ nodeId: id, membership: 1 }));
  }

  #session(stream: ServerHttp2Stream, request: Uint8Array, peer: string | undefined): void {
    const node = this.swarm.nodes.get(peer ?? '');
    if (node === undefined) {
      refuse(stream, 7, 'Permission denied');
      return;
    }
    const { sessionId, description } = SessionRequest.decode(request);
    if (sessionId === '' || sessionId !== node.sessionId) node.sessionId = randomBytes(12).toString('hex');
    node.trustRoot = description?.tlsInfo?.trustRoot ?? new Uint8Array(0);
    const issuer = Buffer.from(description?.tlsInfo?.certIssuerPublicKey ?? []);
    if (node.rotate && issuer.equals(this.swarm.signing.ca.publicKey)) {
      node.rotate = false;
      setImmediate(() => this.swarm.finishRotation());
    }
    begin(stream);
    node.sessions.add(stream);
    stream.on('close', () => node.sessions.delete(stream));
    send(stream, this.swarm.sessionMessage(node));
  }

  #isCurrent(stream: ServerHttp2Stream, sessionId: string, peer: string | undefined): boolean {
    const node = this.swarm.nodes.get(peer ?? '');
    if (node !== undefined && node.sessionId === sessionId) return true;
    refuse(stream, 3, 'session invalid');
    return false;
  }

  #attach(stream: ServerHttp2Stream, request: Uint8Array, peer = ''): void {
    const { config, containerId } = AttachRequest.decode(request);
    const target = config?.target ?? '';
    const network = [...this.swarm.networks.values()].find(({ id, name }) => id === target || name === target);
    if (network === undefined) {
      refuse(stream, 5, `network ${target} not found`);
      return;
    }
    if (!network.attachable) {
      refuse(stream, 7, `network ${target} not manually attachable`);
      return;
    }
    const base = network.subnet.replace('.0/24', '');
    const wanted = config?.addresses[0];
    const free = Array.from({ length: 200 }, (_, i) => `${base}.${i + 2}/24`).find((a) => !network.taken.has(a)) ?? '';
    const address = wanted === undefined ? free : `${wanted.split('/')[0]}/24`;
    const id = `task${randomBytes(10).toString('hex')}a`;
    answer(stream, AttachmentReference.encode({ attachmentId: id }));
    const task = { id, nodeId: peer, containerId, serviceId: '', network, address, state: 192 };
    // Nothing tells the worker that it won't be assigned.
    if (network.taken.has(address)) {
      this.swarm.tasks.set(id, { ...task, nodeId: '' });
      return;
    }
    network.taken.add(address);
    if (this.swarm.nodes.get(peer)?.availability !== 0) {
      this.swarm.pending.push(task);
      this.swarm.push();
      return;
    }
    setImmediate(() => this.swarm.assign(task));
  }
}

export const CANCEL = constants.NGHTTP2_CANCEL;
