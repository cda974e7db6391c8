/**
 * A simulated cluster on a fake clock: a manager that rotates, nodes that get their rings late, restart, join and
 * leave, and packets between every pair that are really sealed and opened. An independent model, which knows only ring
 * numbers and no SAs, predicts the fate of every packet.
 */
import assert from 'node:assert/strict';
import { type Aead, hkdfSha256 } from '../../src/aead/index.js';
import { EspDrop, EspOpener, EspSealer, SequenceReservations } from '../../src/ipsec/index.js';
import {
  KeyRing,
  NodeSas,
  type Profile,
  RingOutcome,
  RingRotation,
  RotationSchedule,
} from '../../src/overlay/index.js';
import { IpProtocol } from '../../src/wire/index.js';
import { SeededRandom } from '../../src/replay/random.js';
import { Disk } from '../ipsec/memory-store.js';
import { EventQueue } from './event-queue.js';

const HEADROOM = 16;
const PAYLOAD = 40;
const PACKET = 96;
/** Maximum number of packets in flight. */
const SLOTS = 4096;

/**
 * The state a node must have with a peer, by ring numbers: ring n has the keys n, n + 1 (sends) and n + 2. Written from
 * the facts (part 3.4): it gets the number of steps taken, not which.
 */
class PeerModel {
  #rx: number[] = [];
  #tx = -1;
  #introduced = false;
  readonly #todo: (() => void)[] = [];

  /** The steps from the current state to a ring. */
  aim(ring: number): void {
    assert.equal(this.#todo.length, 0, 'the model handles one ring at a time');
    const todo = this.#todo;
    const add = (key: number) => (): void => void this.#rx.push(key);
    for (let key = Math.max(ring, (this.#rx.at(-1) ?? -1) + 1); key <= ring + 2; key++) {
      if (this.#rx.length > 0) todo.push((): void => void this.#rx.shift());
      todo.push(add(key));
    }
    todo.push(
      (): void => undefined,
      (): void => void (this.#tx = ring + 1),
    );
    if (this.#tx >= 0) todo.push((): void => undefined);
  }

  step(): void {
    const step = this.#todo.shift();
    assert.ok(step !== undefined, 'a step that the model does not expect');
    step();
    this.#introduced ||= this.settled;
  }

  get settled(): boolean {
    return this.#todo.length === 0;
  }

  /** Whether it was ever settled: before that, packets of a peer that already knows us can't be opened yet. */
  get introduced(): boolean {
    return this.#introduced;
  }

  /** The transmit key; -1: none yet. */
  get tx(): number {
    return this.#tx;
  }

  receives(key: number): boolean {
    return this.#rx.includes(key);
  }
}

/** Options of a cluster. */
export interface ClusterOptions {
  readonly nodes: number;
  readonly profile: Profile;
  /** Creates the cipher of a node's process. */
  readonly cipher: () => Aead;
  readonly seed: number;
  /** Whether sequence numbers survive restarts on disk, rather than new masks being drawn. */
  readonly disk: boolean;
  /** Maximum delay of a ring to a node, in seconds. */
  readonly delay: number;
  /** Maximum clock offset of a node, in seconds. */
  readonly skew: number;
}

/** A running node. */
interface Process {
  readonly sas: NodeSas;
  readonly sealer: EspSealer;
  readonly opener: EspOpener;
  /** Whether its next step is in the queue. */
  stepping: boolean;
}

interface ClusterNode {
  readonly index: number;
  readonly address: Uint8Array;
  readonly skew: number;
  readonly disk: Disk;
  /** Whether rings reach it. */
  reachable: boolean;
  /** While it is running: */
  process: Process | undefined;
  /** The number of its ring, once all steps are done, and of the one in progress. */
  ring: number;
  aim: number;
  /** The required state, by peer. */
  readonly models: (PeerModel | undefined)[];
}

interface Packet {
  readonly spi: number;
  /** Number of the key it uses according to the model. */
  readonly key: number;
  /** Whether both ends were near the newest ring when it was sent. */
  readonly near: boolean;
  readonly offset: number;
  readonly end: number;
}

/** The counters. */
export interface Tally {
  /**
   * Packets between running nodes that have once had all SAs with each other: what arrives while a node is still
   * getting to know its peer is checked, but not counted. sent = delivered + lost.
   */
  sent: number;
  delivered: number;
  /** Each as the model predicts, and of a node more than one rotation behind. */
  lost: number;
  /** Packets that were sealed or opened during a peer's steps. */
  betweenSteps: number;
  steps: number;
  starts: number;
}

/** A cluster. */
export class Cluster {
  readonly queue = new EventQueue();
  readonly tally: Tally = { sent: 0, delivered: 0, lost: 0, betweenSteps: 0, steps: 0, starts: 0 };
  /** The number of the newest ring. */
  newest = 0;
  readonly rotation: RingRotation;
  readonly schedule: RotationSchedule;
  readonly nodes: readonly ClusterNode[];
  readonly #options: ClusterOptions;
  readonly #random: SeededRandom;
  readonly #bytes = new Uint8Array(SLOTS * PACKET);
  #slot = 0;
  /** Offset of the leader's clock, in seconds. */
  leaderSkew = 0;

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed);
    this.schedule = new RotationSchedule({ start: 0 });
    const random = (bytes: Uint8Array): void => this.#random.fill(bytes);
    const ring = KeyRing.generate({ random, firstTag: 29_943 });
    this.rotation = new RingRotation(ring, { schedule: this.schedule, random, tagStep: 2 });
    this.nodes = Array.from({ length: options.nodes }, (_, index) => ({
      index,
      address: Uint8Array.of(192, 168, 50, 1 + index),
      skew: (2 * this.roll(1) - 1) * options.skew,
      disk: new Disk(),
      reachable: true,
      process: undefined,
      ring: -1,
      aim: -1,
      models: [],
    }));
  }

  /** A number from 0 to below `limit`. */
  roll(limit: number): number {
    return (this.#random.word() / 2 ** 32) * limit;
  }

  /** Whether a node's process runs. */
  isUp(index: number): boolean {
    return this.nodes[index].process !== undefined;
  }

  /**
   * Starts a node's process: it learns all running peers, the manager gives it the newest ring, and its peers learn of
   * it, each with its own delay.
   */
  start(index: number): void {
    const node = this.nodes[index];
    const { cipher, profile, disk } = this.#options;
    const random = (bytes: Uint8Array): void => this.#random.fill(bytes);
    const reservations = new SequenceReservations({ random, block: 64, ...(disk ? { store: node.disk } : {}) });
    const aead = cipher();
    const now = this.queue.now + node.skew;
    const sas = new NodeSas(node.address, aead, { hkdf: hkdfSha256, random, profile, now, reservations });
    node.process = { sas, sealer: new EspSealer(aead, 1), opener: new EspOpener(aead, 1), stepping: false };
    node.ring = -1;
    node.aim = -1;
    node.models.length = 0;
    this.tally.starts++;
    const others = this.nodes.filter((peer) => peer !== node && peer.process !== undefined);
    for (const peer of others) this.#introduce(node, peer);
    this.#deliver(node, node.process, this.newest, this.rotation.ring.copy());
    for (const peer of others) this.queue.after(this.roll(20), () => this.#introduce(peer, node));
  }

  /** Kills a node's process without notice. If the node leaves, its peers remove it, each with its own delay. */
  kill(index: number, leaves: boolean): void {
    const node = this.nodes[index];
    node.process = undefined;
    if (!leaves) return;
    for (const peer of this.nodes) {
      this.queue.after(this.roll(20), () => {
        if (node.process !== undefined || peer.process === undefined) return;
        peer.process.sas.removePeer(index);
        peer.models[index] = undefined;
      });
    }
  }

  /** The leader polls; a new ring goes to every node, each with its own delay. */
  pollLeader(): void {
    const rotated = this.rotation.poll(this.queue.now + this.leaderSkew);
    if (rotated === undefined) return;
    const number = ++this.newest;
    const ring = rotated.copy();
    for (const node of this.nodes) {
      this.queue.after(this.roll(this.#options.delay), () => {
        if (node.reachable && node.process !== undefined) this.#deliver(node, node.process, number, ring);
      });
    }
  }

  /** Another node becomes the leader, whose clock has another offset. */
  changeLeader(skew: number): void {
    this.leaderSkew = skew;
    this.schedule.leaderChanged(this.queue.now + skew);
  }

  /** Gives the newest ring to a node that rings did not reach for a while. */
  reach(index: number): void {
    const node = this.nodes[index];
    node.reachable = true;
    if (node.process !== undefined) this.#deliver(node, node.process, this.newest, this.rotation.ring.copy());
  }

  /** A packet from every node to every other. */
  sendAll(): void {
    for (const from of this.nodes) for (const to of this.nodes) if (from !== to) this.#send(from, to);
  }

  #send(sender: ClusterNode, receiver: ClusterNode): void {
    const { process } = sender;
    const model = sender.models[receiver.index];
    if (process === undefined || receiver.process === undefined || model === undefined) return;
    const sa = process.sas.outbound(receiver.index);
    assert.equal(sa !== undefined, model.tx >= 0, 'a node sends as soon as it has a key, and not before');
    if (sa === undefined) return;
    const slot = this.#slot;
    this.#slot = (slot + 1) % SLOTS;
    const offset = slot * PACKET + HEADROOM;
    this.#bytes.fill(slot & 0xff, offset, offset + PAYLOAD);
    const now = this.queue.now + sender.skew;
    const drop = process.sealer.push(sa, this.#bytes, offset, offset + PAYLOAD, IpProtocol.Udp, now);
    assert.equal(drop, EspDrop.None, 'with a key, sealing succeeds');
    process.sealer.flush();
    if (!model.settled) this.tally.betweenSteps++;
    const near = this.#isNear(sender, receiver);
    const packet = { spi: sa.spi, key: model.tx, near, offset, end: process.sealer.espEnd };
    this.queue.after(this.roll(0.2), () => this.#arrive(sender, receiver, packet));
  }

  #arrive(sender: ClusterNode, receiver: ClusterNode, { spi, key, near, offset, end }: Packet): void {
    const { process } = receiver;
    const model = receiver.models[sender.index];
    // The receiver died meanwhile, or doesn't know the sender (yet).
    if (process === undefined || model === undefined) return;
    const expected = model.receives(key);
    const sa = process.sas.inbound.find(spi, 4, receiver.address, 0);
    assert.equal(sa !== undefined, expected, `key ${key} decrypts exactly where the model predicts`);
    if (!expected && !model.introduced) return;
    this.tally.sent++;
    if (!model.settled) this.tally.betweenSteps++;
    if (sa === undefined) {
      const close = near && this.#isNear(sender, receiver);
      assert.ok(!close, 'no packet is dropped while both nodes are at most one rotation behind');
      this.tally.lost++;
      return;
    }
    const drop = process.opener.push(sa, this.#bytes, offset - HEADROOM, end, this.queue.now + receiver.skew);
    assert.equal(drop, EspDrop.None, 'its sequence number is accepted');
    process.opener.flush();
    assert.equal(process.opener.drop[0], EspDrop.None, 'its ICV is valid');
    assert.equal(this.#bytes[offset], this.#bytes[offset + PAYLOAD - 1]);
    this.tally.delivered++;
  }

  /** Whether both nodes are running and at most one rotation behind the newest ring. */
  #isNear(a: ClusterNode, b: ClusterNode): boolean {
    return Math.min(a.ring, b.ring) >= this.newest - 1;
  }

  #deliver(node: ClusterNode, process: Process, number: number, ring: KeyRing): void {
    // It is another process by now, or already got this ring.
    if (node.process !== process || number <= node.aim) return;
    if (process.stepping) {
      // The model handles one thing at a time; NodeSas doesn't need that (node-sas-rotation.test.ts).
      this.queue.after(1, () => this.#deliver(node, process, number, ring));
      return;
    }
    node.aim = number;
    assert.equal(process.sas.update(ring, this.queue.now + node.skew), RingOutcome.Accepted);
    for (const model of node.models) model?.aim(number);
    this.#step(node, process);
  }

  /** Performs a node's steps one by one, with time between them. */
  #step(node: ClusterNode, process: Process): void {
    process.stepping = false;
    if (node.process !== process) return;
    const step = process.sas.step(this.queue.now + node.skew);
    if (step === undefined) {
      assert.ok(
        node.models.every((model) => model?.settled !== false),
        'the number of steps matches the model',
      );
      node.ring = node.aim;
      return;
    }
    this.tally.steps++;
    node.models[step.peer]?.step();
    process.stepping = true;
    this.queue.after(this.roll(0.3), () => this.#step(node, process));
  }

  /** Adds a peer to a node. */
  #introduce(node: ClusterNode, peer: ClusterNode): void {
    const { process } = node;
    if (process === undefined || peer.process === undefined || node.models[peer.index] !== undefined) return;
    process.sas.addPeer(peer.index, peer.address);
    const model = new PeerModel();
    node.models[peer.index] = model;
    if (node.aim < 0) return;
    model.aim(node.aim);
    if (!process.stepping) this.#step(node, process);
  }
}
