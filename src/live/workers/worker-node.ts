/** A worker of a VTEP in its own thread: a node on its own arena, sockets and queues of devices. */
import { randomFillSync } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { AEAD_BACKENDS, chooseAead, hkdfSha256 } from '../../aead/index.js';
import { Arena } from '../../memory/index.js';
import { endpointId } from '../../overlay/index.js';
import { changesOfMessages, topologyOfMessage } from '../../workers/index.js';
import { LiveNode } from '../node/live-node.js';
import { SocketUnderlay } from '../socket/socket-underlay.js';
import { saRows, type SaRow } from '../status/sa-rows.js';
import { TapDevice } from '../tap/tap.js';
import { HandOver } from './hand-over.js';
import { HandOverPort } from './hand-over-port.js';
import { PeerShare } from './peer-share.js';
import { workerReport } from './worker-counters.js';
import type { WorkerNews, WorkerOrder, WorkerStart } from './worker-messages.js';

/** Milliseconds that an idle turn waits; orders and frames of other workers end the wait. */
const WAIT = 20;
/** Milliseconds between reports of the counters. */
const REPORT_MS = 200;
/** The same for the SAs, of which there may be many; and most SAs in a report. */
const SAS_MS = 1000;
const MOST_SAS = 4096;
const MILLISECONDS = 1000;

/** One worker. */
export class WorkerNode {
  readonly #say: (news: WorkerNews) => void;
  readonly #node: LiveNode;
  readonly #underlay: SocketUnderlay;
  readonly #handOver: HandOver;
  /** Endpoints by the descriptor of the queue that this worker serves. */
  readonly #queues = new Map<number, { readonly endpoint: string; readonly device: TapDevice }>();
  #running = false;
  /** Whether the loop of `run` hasn't seen its end yet. */
  #looping = false;
  #reported = performance.now();
  #sasRead = 0;
  #sas: SaRow[] = [];

  /**
   * Opens its sockets.
   * @throws LiveError, OverlayError as `LiveVtep.open`
   */
  constructor(start: WorkerStart, say: (news: WorkerNews) => void) {
    const { worker, workers, mesh, node, slots, frameBytes, esp, aead, oversize, clampMss, busyPoll } = start;
    this.#say = say;
    const topology = topologyOfMessage(start.topology);
    try {
      const clock = (): number => performance.now() / MILLISECONDS;
      const random = (bytes: Uint8Array): void => void randomFillSync(bytes);
      const arena = new Arena({ slots, frameBytes });
      const cipher =
        aead === undefined ? {} : { cipher: { aead: chooseAead(aead, AEAD_BACKENDS).aead, hkdf: hkdfSha256, random } };
      const vteps = topology.nodes.map(({ vtep }) => vtep);
      const here = topology.nodes.findIndex(({ name }) => name === node);
      const { port } = topology;
      this.#handOver = new HandOver(mesh, worker, arena);
      this.#underlay = new SocketUnderlay({ vteps, node: here, port, arena, esp, share: { worker, workers } });
      try {
        this.#node = new LiveNode({
          ...cipher,
          topology,
          node,
          arena,
          clock,
          random,
          underlay: this.#underlay,
          ...(oversize === undefined ? {} : { oversize }),
          ...(clampMss === undefined ? {} : { clampMss }),
          ...(busyPoll === undefined ? {} : { busyPoll }),
          parts: [this.#handOver],
          share: new PeerShare(worker, workers, this.#handOver),
          onPathMtu: (peer, mtu) => this.#reportMtu(peer, mtu),
          onSaEvent: (event) => say({ kind: 'sa-event', event }),
        });
      } catch (error) {
        this.#underlay.close();
        throw error;
      }
    } finally {
      topology.ring?.wipe();
    }
    this.#handOver.node = this.#node;
    this.#attachOthers();
  }

  /**
   * Does what worker 0 says.
   * @throws LiveError, OverlayError if a change can't be followed, and if a socket has failed
   */
  do(order: Exclude<WorkerOrder, { readonly kind: 'open' | 'run' }>): void {
    switch (order.kind) {
      case 'stop':
        this.#running = false;
        this.#handOver.flush();
        this.#say({ kind: 'stopped' });
        break;
      case 'drain':
        this.#handOver.drain();
        this.#report();
        this.#say({ kind: 'drained' });
        break;
      case 'changes': {
        const changes = changesOfMessages(order.changes);
        this.#node.follow(changes, order.isWhole);
        for (const change of changes) if ('ring' in change) change.ring.wipe();
        this.#attachOthers();
        break;
      }
      case 'mtu':
        this.#node.learnPathMtu(order.vtep, order.mtu);
        break;
      case 'attach':
        this.#attach(order);
        break;
      case 'release':
        order.descriptors.forEach((descriptor) => this.#release(descriptor));
        this.#say({ kind: 'released', descriptor: order.descriptors[0] });
        break;
      case 'close':
        this.#running = false;
        this.#node.close();
    }
  }

  /**
   * Processes packets until `stop` or `close`.
   * @throws LiveError if a socket has failed
   */
  async run(): Promise<void> {
    const isRunning = this.#looping;
    this.#running = true;
    if (isRunning) return;
    this.#looping = true;
    while (this.#isRunning()) {
      this.#node.turn(this.#node.mayHaveMore ? 0 : WAIT);
      if (performance.now() - this.#reported > REPORT_MS) this.#report();
      await setImmediate();
    }
    this.#looping = false;
  }

  /** An order may end it between two turns. */
  #isRunning(): boolean {
    return this.#running;
  }

  #report(): void {
    this.#reported = performance.now();
    const totals = { ...this.#node.counters, underlay: this.#underlay.counters };
    if (this.#reported - this.#sasRead > SAS_MS) this.#readSas();
    const { endpointReports } = this.#node;
    this.#say({ kind: 'report', report: workerReport(totals, endpointReports, this.#handOver, this.#sas) });
  }

  #readSas(): void {
    this.#sasRead = this.#reported;
    this.#sas = [];
    for (const row of saRows(this.#node, this.#reported / MILLISECONDS)) {
      if (this.#sas.length === MOST_SAS) break;
      if (row !== undefined) this.#sas.push(row);
    }
  }

  #reportMtu(peer: number, mtu: number): void {
    const vtep = this.#node.tables.nodes[peer]?.vtep;
    if (vtep !== undefined) this.#say({ kind: 'mtu', vtep: Uint8Array.from(vtep), mtu });
  }

  #attach({ endpoint, descriptor, options }: Extract<WorkerOrder, { readonly kind: 'attach' }>): void {
    // Worker 0 closes it, once this worker has released it.
    const opened = { descriptor, holdsNamespace: false };
    const device = new TapDevice(options, opened, () => undefined);
    if (this.#node.endpoint(endpoint) === undefined) return;
    this.#node.attach(endpoint, device);
    this.#queues.set(descriptor, { endpoint, device });
  }

  #release(descriptor: number): void {
    const queue = this.#queues.get(descriptor);
    this.#queues.delete(descriptor);
    if (queue !== undefined && this.#node.ports.get(queue.endpoint) === queue.device) {
      this.#node.detach(queue.endpoint);
      this.#attachOthers();
    }
  }

  /** Hands frames for endpoints without a queue here over to worker 0. */
  #attachOthers(): void {
    const { tables, ports } = this.#node;
    for (const list of tables.columns.local) {
      for (const index of list) {
        const endpoint = tables.endpoints[index];
        const vni = endpoint === undefined ? undefined : tables.networks[endpoint.network]?.vni;
        if (endpoint === undefined || vni === undefined) continue;
        const id = endpointId(endpoint);
        const port = ports.get(id);
        const isRight = port instanceof HandOverPort ? port.isFor(vni, endpoint.mac) : port !== undefined;
        if (!isRight) this.#node.attach(id, new HandOverPort(this.#handOver, vni, endpoint.mac));
      }
    }
  }
}
