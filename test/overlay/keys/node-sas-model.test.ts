/** Rings, steps, packets, restarts, joins and leaves in any order (fast-check commands), and invariants after each. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { hkdfSha256 } from '../../../src/aead/index.js';
import { EspDrop, EspOpener, EspSealer, SequenceReservations } from '../../../src/ipsec/index.js';
import { deriveSpi, type HkdfSha256, KeyRing, NodeSas, Profile, RingOutcome } from '../../../src/overlay/index.js';
import { SeededRandom } from '../../../src/replay/random.js';
import { Disk } from '../../ipsec/memory-store.js';
import { watchedCipher } from '../test-nodes.js';

const NODES = 4;
const FIRST_TAG = 10;
const addressOf = (index: number): Uint8Array => Uint8Array.of(10, 0, 0, 1 + index);

interface Peer {
  /** Whether all of its steps are done. */
  settled: boolean;
}

interface Process {
  readonly sas: NodeSas;
  /** The keys held by its cipher, by id. */
  readonly held: ReadonlyMap<number, string>;
  readonly sealer: EspSealer;
  readonly opener: EspOpener;
  /** The key objects' own bytes, as passed to HKDF. */
  readonly secrets: Set<Uint8Array>;
  readonly peers: Map<number, Peer>;
  /** The last ring it was given; -1: none. */
  ring: number;
}

/** The real cluster. */
class Real {
  readonly random = new SeededRandom(7);
  readonly rings: KeyRing[];
  readonly disks = Array.from({ length: NODES }, () => new Disk());
  readonly nodes: Process[] = [];
  readonly nonces = new Set<string>();
  now = 0;

  constructor(
    readonly profile: Profile,
    readonly disk: boolean,
  ) {
    this.rings = [KeyRing.generate({ random: (bytes) => this.random.fill(bytes), firstTag: FIRST_TAG })];
    for (let index = 0; index < NODES; index++) this.boot(index);
  }

  /** A node's process, which has no ring yet. */
  boot(index: number): void {
    const random = (bytes: Uint8Array): void => this.random.fill(bytes);
    const { aead, held } = watchedCipher();
    const secrets = new Set<Uint8Array>();
    const hkdf: HkdfSha256 = (key, salt, info, length) => {
      secrets.add(key);
      return hkdfSha256(key, salt, info, length);
    };
    const reservations = new SequenceReservations({
      random,
      block: 3,
      ...(this.disk ? { store: this.disks[index] } : {}),
    });
    const sas = new NodeSas(addressOf(index), aead, { hkdf, random, profile: this.profile, reservations });
    const peers = new Map<number, Peer>();
    this.nodes[index] = {
      sas,
      held,
      sealer: new EspSealer(aead, 1),
      opener: new EspOpener(aead, 1),
      secrets,
      peers,
      ring: -1,
    };
    for (let peer = 0; peer < NODES; peer++) {
      if (peer === index) continue;
      sas.addPeer(peer, addressOf(peer));
      peers.set(peer, { settled: false });
    }
  }

  keyBytes(ring: KeyRing): string[] {
    return ring.keys.map((key) => key.use((bytes) => Buffer.from(bytes).toString('hex')));
  }
}

type Command = fc.Command<object, Real>;

function command(name: string, run: (real: Real) => void): Command {
  // The model has no state besides the cluster's: the invariants follow from the rings alone.
  return {
    check: () => true,
    run: (_, real) => {
      real.now++;
      run(real);
      for (let index = 0; index < NODES; index++) checkNode(real, index);
    },
    toString: () => name,
  };
}

/** The ring in which a node's transmit key is the middle one. */
function sendingRing(real: Real, from: number, to: number): number | undefined {
  const spi = real.nodes[from].sas.outbound(to)?.spi;
  if (spi === undefined) return undefined;
  const found = real.rings.findIndex((ring) => deriveSpi(addressOf(from), addressOf(to), ring.transmit.tag) === spi);
  assert.ok(found >= 0, 'every key sent with is the middle one of some ring');
  return found;
}

function checkNode(real: Real, index: number): void {
  const { sas, peers, ring, held, secrets } = real.nodes[index];
  let settled = true;
  let sendable = 0;
  for (let peer = 0; peer < NODES; peer++) {
    const counts = sas.counts(peer);
    assert.ok(counts.rx <= 3, 'at most 3 inbound SAs per peer');
    assert.ok(counts.tx <= 3);
    const known = peers.get(peer);
    if (known === undefined) assert.deepEqual(counts, { rx: 0, tx: 0 });
    else if (!known.settled || ring < 0) settled = false;
    else {
      assert.deepEqual(counts, { rx: 3, tx: 1 }, '3 SAs to receive and 1 to send in steady state');
      assert.equal(sendingRing(real, index, peer), ring);
    }
    const sending = sendingRing(real, index, peer);
    if (sending !== undefined) {
      sendable++;
      assert.ok(sending <= ring, 'no key of a ring it does not have');
    }
  }
  if (!settled || ring < 0) return;
  // Steady state: it holds exactly the ring's keys.
  assert.equal(held.size, peers.size * 4);
  assert.equal(sendable, peers.size);
  const wanted = real.keyBytes(real.rings[ring]);
  if (real.profile === Profile.Swarm) for (const key of held.values()) assert.ok(wanted.includes(key));
  for (const secret of secrets) {
    const digits = Buffer.from(secret).toString('hex');
    assert.ok(/^0+$/.test(digits) || wanted.includes(digits), 'keys that left the ring are overwritten');
  }
}

const index = fc.nat({ max: NODES - 1 });

const rotate = fc.constant(
  command('rotate', (real) => {
    const newest = real.rings[real.rings.length - 1];
    real.rings.push(newest.rotated((bytes) => real.random.fill(bytes)));
  }),
);

/** Any ring so far, however old: the manager's messages may be late, repeated, or lost. */
const deliver = fc.tuple(index, fc.nat({ max: 3 })).map(([node, back]) =>
  command(`ring ${back} before the newest to ${node}`, (real) => {
    const number = Math.max(0, real.rings.length - 1 - back);
    const process = real.nodes[node];
    const outcome = process.sas.update(real.rings[number], real.now);
    const expected =
      number === process.ring ? RingOutcome.Same : number < process.ring ? RingOutcome.Stale : RingOutcome.Accepted;
    assert.equal(outcome, expected);
    if (outcome !== RingOutcome.Accepted) return;
    process.ring = number;
    for (const peer of process.peers.values()) peer.settled = false;
  }),
);

const step = fc.tuple(index, fc.integer({ min: 1, max: 7 })).map(([node, count]) =>
  command(`${count} steps of ${node}`, (real) => {
    const { sas, peers } = real.nodes[node];
    for (let i = 0; i < count; i++) {
      if (sas.step(real.now) !== undefined) continue;
      for (const peer of peers.values()) peer.settled = true;
      return;
    }
  }),
);

const settle = index.map((node) =>
  command(`all steps of ${node}`, (real) => {
    const { sas, peers } = real.nodes[node];
    sas.settle(real.now);
    assert.equal(sas.step(real.now), undefined, 'a second call has nothing to do');
    for (const peer of peers.values()) peer.settled = true;
  }),
);

const restart = index.map((node) => command(`${node} is killed and starts again`, (real) => real.boot(node)));

function forget(real: Real, node: number, peer: number): void {
  real.nodes[node].sas.removePeer(peer);
  real.nodes[node].peers.delete(peer);
}

function meet(real: Real, node: number, peer: number): void {
  if (node === peer) return;
  const { sas, peers } = real.nodes[node];
  if (!peers.has(peer)) peers.set(peer, { settled: false });
  sas.addPeer(peer, addressOf(peer));
}

const pair = fc.tuple(index, index);
const leave = pair.map(([node, peer]) => command(`${node} lets ${peer} go`, (real) => forget(real, node, peer)));
const join = pair.map(([node, peer]) => command(`${node} takes ${peer} in`, (real) => meet(real, node, peer)));

/** The same keys with the same peer again: a chance for sequence numbers to restart. */
const rejoin = pair.map(([node, peer]) =>
  command(`${node} lets ${peer} go and takes it in again`, (real) => {
    sendOne(real, node, peer);
    forget(real, node, peer);
    meet(real, node, peer);
    real.nodes[node].sas.settle(real.now);
    for (const known of real.nodes[node].peers.values()) known.settled = true;
    sendOne(real, node, peer);
  }),
);

const send = fc.tuple(index, index, fc.integer({ min: 1, max: 9 })).map(([from, to, count]) =>
  command(`${count} packets from ${from} to ${to}`, (real) => {
    for (let i = 0; i < count; i++) sendOne(real, from, to);
  }),
);

function sendOne(real: Real, from: number, to: number): void {
  const sender = real.nodes[from];
  const receiver = real.nodes[to];
  const sa = sender.sas.outbound(to);
  if (sa === undefined) return;
  const bytes = new Uint8Array(96).fill(0x5a);
  assert.equal(sender.sealer.push(sa, bytes, 16, 56, 17, real.now), EspDrop.None);
  sender.sealer.flush();
  const sending = sendingRing(real, from, to) ?? assert.fail();
  const nonce = `${real.rings[sending].transmit.tag} ${Buffer.from(bytes.subarray(0, 4)).toString('hex')} ${Buffer.from(bytes.subarray(8, 16)).toString('hex')}`;
  assert.ok(!real.nonces.has(nonce), 'no nonce is reused under a key, whatever was killed');
  real.nonces.add(nonce);
  const end = sender.sealer.espEnd;
  const inbound = receiver.sas.inbound.find(sa.spi, 4, addressOf(to), 0);
  const peer = receiver.peers.get(from);
  const apart = Math.abs(sending - receiver.ring);
  if (peer?.settled === true && receiver.ring >= 0) {
    assert.equal(inbound !== undefined, apart <= 1, `rings ${apart} apart: accepted if at most one`);
  }
  if (inbound === undefined) return;
  assert.equal(receiver.opener.push(inbound, bytes, 0, end, real.now), EspDrop.None);
  receiver.opener.flush();
  assert.equal(receiver.opener.drop[0], EspDrop.None);
  assert.ok(bytes.subarray(16, 56).every((byte) => byte === 0x5a));
}

describe('the SAs of nodes, for any events in any order', () => {
  for (const [profile, disk] of [
    [Profile.Swarm, false],
    [Profile.Swarm, true],
    // Strict SAs have replay windows, which require a restarting node to know its last sequence number.
    [Profile.Strict, true],
  ] as const) {
    const kind = `${profile}, ${disk ? 'sequence numbers on disk' : 'new masks at a restart'}`;
    test(`${kind}: no nonce reuse, no key that a peer one rotation behind lacks, no surplus SA, no key kept too long`, () => {
      const commands = fc.commands(
        [rotate, deliver, deliver, step, step, settle, settle, restart, leave, join, rejoin, send, send, send],
        { maxCommands: 120, size: 'max' },
      );
      fc.assert(
        fc.property(commands, (run) => {
          fc.modelRun(() => ({ model: {}, real: new Real(profile, disk) }), run);
        }),
        { numRuns: 200 },
      );
    });
  }
});
