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
  SessionReference,
  SessionRequest,
  UpdateTaskStatusRequest,
} from '../../src/join/messages.js';
import { answer, begin, type Handler, refuse, send } from './fake-answers.js';
import { keyOfRequest } from './fake-ca.js';
import { type FakeSwarm, swarmId, taskMessage } from './fake-swarm.js';

/** Prefix of the paths of all methods. */
const PACKAGE = '/docker.swarmkit.v1.';
const PERIOD_NANOS = 100_000_000;

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

  /** Ends at once, as when killed, unless it has. */
  stop(): void {
    const { managers } = this.swarm;
    if (!managers.includes(this)) return;
    this.#server.close();
    for (const session of this.#sessions) session.destroy();
    managers.splice(managers.indexOf(this), 1);
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
