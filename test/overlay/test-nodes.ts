/** Nodes whose SAs rotate, each with a separate observable cipher, and packets between them. */
import assert from 'node:assert/strict';
import { type Aead, hkdfSha256, nodeBackend } from '../../src/aead/index.js';
import { EspDrop, EspOpener, EspSealer } from '../../src/ipsec/index.js';
import {
  ClusterKey,
  KeyRing,
  NodeSas,
  type NodeSasOptions,
  type RotationStep,
  type SaEvent,
} from '../../src/overlay/index.js';
import { SeededRandom } from '../../src/replay/random.js';
import { hex, open, seal } from '../ipsec/build.js';

const PAYLOAD = new Uint8Array(40).fill(0x5a);

/** A key whose bytes contain its tag. */
export function keyOf(tag: number, mark = 0): ClusterKey {
  return new ClusterKey(tag, new Uint8Array(16).fill(tag).fill(mark, 8));
}

/** The ring of the given tags. */
export function ringOf(tags: readonly number[], mark = 0): KeyRing {
  return new KeyRing(tags.map((tag) => keyOf(tag, mark)));
}

/** The ring at the given number of rotations from that of the tags 10, 11, 12. */
export function ringAt(rotations: number, size = 3): KeyRing {
  return ringOf(Array.from({ length: size }, (_, i) => 10 + rotations + i));
}

/** A cipher, and the bytes of the keys that it holds. */
export function watchedCipher(): { readonly aead: Aead; readonly held: Map<number, string> } {
  const real = nodeBackend.create();
  const held = new Map<number, string>();
  const aead: Aead = {
    name: real.name,
    addKey: (key) => {
      const id = real.addKey(key);
      held.set(id, hex(key));
      return id;
    },
    removeKey: (id) => {
      held.delete(id);
      real.removeKey(id);
    },
    seal: (batch) => real.seal(batch),
    open: (batch) => real.open(batch),
  };
  return { aead, held };
}

/** A node; `number` is its id for the others, and the last byte of its address by default. */
export class TestNode {
  readonly sas: NodeSas;
  readonly events: SaEvent[] = [];
  /** Bytes of the keys that its cipher holds. */
  readonly held: Map<number, string>;
  readonly address: Uint8Array;
  readonly aead: Aead;
  readonly #sealer: EspSealer;
  readonly #opener: EspOpener;

  constructor(
    readonly number: number,
    options: Partial<NodeSasOptions> & { readonly address?: Uint8Array } = {},
  ) {
    const { aead, held } = watchedCipher();
    const random = new SeededRandom(number);
    this.held = held;
    this.aead = aead;
    this.address = options.address ?? Uint8Array.of(192, 168, 50, number);
    this.sas = new NodeSas(this.address, aead, {
      hkdf: hkdfSha256,
      random: (bytes) => random.fill(bytes),
      onEvent: (event) => this.events.push(event),
      ...options,
    });
    this.#sealer = new EspSealer(aead);
    this.#opener = new EspOpener(aead);
  }

  /** Adds other nodes as peers. */
  meet(...others: readonly TestNode[]): this {
    for (const { number, address } of others) this.sas.addPeer(number, address);
    return this;
  }

  /** Sets a ring, and performs all its steps. */
  settle(ring: KeyRing, now = 0): this {
    this.sas.update(ring, now);
    this.sas.settle(now);
    return this;
  }

  /** Performs the given number of steps, and returns them. */
  steps(count = 1000): string[] {
    const taken: string[] = [];
    for (let i = 0; i < count; i++) {
      const step: RotationStep | undefined = this.sas.step(0);
      if (step === undefined) break;
      taken.push(`${step.peer} ${step.kind} ${step.tag}`);
    }
    return taken;
  }

  /** Sends another node a packet, and returns its fate there. */
  send(to: TestNode, seconds = 0): EspDrop {
    const outbound = this.sas.outbound(to.number);
    if (outbound === undefined) return EspDrop.NoSa;
    const { drop, packet } = seal(this.#sealer, outbound, PAYLOAD, 17, seconds);
    if (drop !== EspDrop.None) return drop;
    const { spi, family } = outbound;
    const inbound = to.sas.inbound.find(spi, family, to.address, 0);
    return inbound === undefined ? EspDrop.NoSa : open(to.#opener, inbound, packet);
  }
}

/** Asserts that packets between two nodes are opened, both ways. */
export function assertTalk(one: TestNode, other: TestNode, when = ''): void {
  const pair = `${one.number} and ${other.number} ${when}`;
  assert.deepEqual([one.send(other), other.send(one)], [EspDrop.None, EspDrop.None], pair);
}
