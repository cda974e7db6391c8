/** Ciphers with one call per packet, in this process. */
import { type FrameSize, Stage } from '../result.js';
import { encryptedBytes } from './frame-sizes.js';
import { framesOf } from '../imix.js';
import type { Peer } from './peer.js';

/** A packet to seal. */
export interface PlainPacket {
  readonly nonce: Uint8Array;
  readonly aad: Uint8Array;
  readonly text: Uint8Array;
}

/** A sealed packet. */
export interface SealedPacket {
  readonly nonce: Uint8Array;
  readonly aad: Uint8Array;
  readonly text: Uint8Array;
  readonly tag: Uint8Array;
}

/** AES-128-GCM as its users would write it. */
export interface PacketCipher {
  readonly peer: string;
  /** How it is used, and its ICV length in bytes. */
  readonly what: string;
  readonly seal: (packet: PlainPacket) => SealedPacket;
  /** @throws Error if the ICV is wrong */
  readonly open: (packet: SealedPacket) => Uint8Array;
}

/** A multiple of the mix's length. */
const PACKETS = 60;
const AAD_BYTES = 8;

/** The packets that a cipher seals, with as many bytes as the stage `seal` encrypts. */
export function plainPackets(size: FrameSize): PlainPacket[] {
  const frames = framesOf(size);
  return Array.from({ length: PACKETS }, (_, i) => ({
    nonce: Uint8Array.of(1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, i),
    aad: new Uint8Array(AAD_BYTES).fill(i),
    text: Uint8Array.from({ length: encryptedBytes(frames[i % frames.length]) }, (_, at) => at * 7 + i),
  }));
}

function timed(pass: () => void, milliseconds: number): number {
  const start = process.hrtime.bigint();
  const end = start + BigInt(milliseconds * 1e6);
  let passes = 0;
  let now = start;
  while (now < end) {
    pass();
    passes++;
    now = process.hrtime.bigint();
  }
  return Number(now - start) / passes / PACKETS;
}

/**
 * A cipher at one size, sealing and opening.
 * @param milliseconds minimum per round of each
 */
export function cipherPeer(cipher: PacketCipher, size: FrameSize, milliseconds: number): Peer {
  const { peer, what } = cipher;
  const plain = plainPackets(size);
  const sealed = plain.map((packet) => cipher.seal(packet));
  const pass = {
    seal: (): void => {
      for (const packet of plain) cipher.seal(packet);
    },
    open: (): void => {
      for (const packet of sealed) cipher.open(packet);
    },
  };
  let warm = false;
  return {
    rows: [
      { peer, what: `seal: ${what}`, stage: Stage.Seal, bytes: size },
      { peer, what: `open: ${what}`, stage: Stage.Open, bytes: size },
    ],
    round: async () => {
      if (!warm) for (const one of [pass.seal, pass.open]) timed(one, milliseconds);
      warm = true;
      return Promise.resolve([timed(pass.seal, milliseconds), timed(pass.open, milliseconds)]);
    },
  };
}
