/** Learns a topology from the gossip in a capture. */
import type { CaptureBatch } from '../../capture/portable.js';
import { UnderlayDecoder, type UnderlayDecoderOptions, Verdict } from '../../dataplane/index.js';
import type { GossipKeyring } from '../../gossip/index.js';
import { getWord, KeyIndex } from '../../memory/internal.js';
import { GossipSurvey } from './gossip-survey.js';
import { type LearnedOptions, type LearnedTopology, learnedTopology, type SeenNetwork } from './learned-topology.js';

/** Maximum number of MACs, by network, whose frames show the network's VNI. */
const MAX_SEEN = 65_536;
const ETHERNET_HEADER_LEN = 14;
const MAC = 6;

/**
 * Reads a capture's gossip, and of its frames the VNI of each MAC.
 * @example
 * import { readFileSync } from 'node:fs';
 * import { chooseAead } from 'vtep/aead';
 * import { batchesOf, openCaptureFile } from 'vtep/capture';
 * import { GossipKeyring } from 'vtep/gossip';
 * import { GossipLearner } from 'vtep/inspect';
 * import { Profile } from 'vtep/overlay';
 * import { parseGossipKeys } from 'vtep/overlay/files';
 *
 * const keys = new GossipKeyring(chooseAead().aead);
 * for (const key of parseGossipKeys(readFileSync('swarm-keys.txt', 'utf8'))) key.use((bytes) => keys.add(key.tag, bytes));
 * const learner = new GossipLearner(keys);
 * for await (const batch of batchesOf(await openCaptureFile('wire.pcap'))) learner.add(batch);
 * const { topology } = learner.topology({ profile: Profile.Swarm, mtu: 1500, ring: undefined });
 */
export class GossipLearner {
  readonly #survey: GossipSurvey;
  readonly #decoder: UnderlayDecoder;
  /** By MAC and VNI. */
  readonly #seen = new KeyIndex(3, MAX_SEEN);
  /** Whether a frame of the MAC came in ESP, by index. */
  readonly #encrypted: boolean[] = [];

  /**
   * @param keys decrypt the gossip
   * @param options as for a decoder, with the keys of encrypted networks
   */
  constructor(keys: GossipKeyring, options: UnderlayDecoderOptions = {}) {
    this.#survey = new GossipSurvey(keys);
    this.#decoder = new UnderlayDecoder(options);
  }

  /** Whether the gossip has any endpoint. */
  get found(): boolean {
    return this.#survey.state.entries.size > 0;
  }

  /** Adds the packets of a batch. */
  add(batch: CaptureBatch): void {
    const decoder = this.#decoder;
    for (let i = 0; i < batch.count; i++) {
      const start = batch.offset[i];
      const seconds = batch.noTimestamp[i] === 0 ? batch.seconds[i] : Number.NaN;
      const end = start + batch.capturedLength[i];
      const limit = start + batch.originalLength[i];
      const verdict = decoder.receive(batch.linkType[i], batch.bytes, start, end, limit, batch.seconds[i]);
      if (verdict === Verdict.Frame) this.#see();
      else if (verdict === Verdict.Other) {
        this.#survey.add(decoder.outerBytes, decoder.outer, decoder.capturedEnd, seconds, batch.nanoseconds[i]);
      }
    }
  }

  /**
   * The topology that the gossip describes.
   * @throws VtepError `BAD_GOSSIP` if it is too large
   */
  topology(options: Omit<LearnedOptions, 'networkOf'>): LearnedTopology {
    const seen = this.#byMac();
    const networkOf = (macs: readonly Uint8Array[]): SeenNetwork | undefined => mostFrequent(macs, seen);
    return learnedTopology(this.#survey.state, { ...options, networkOf });
  }

  #see(): void {
    const { outerBytes: bytes, frameOffset, frameEnd, capturedEnd, vni, opened } = this.#decoder;
    if (Math.min(frameEnd, capturedEnd) < frameOffset + ETHERNET_HEADER_LEN) return;
    for (const at of [frameOffset, frameOffset + MAC]) {
      if ((bytes[at] & 1) !== 0) continue;
      const { key } = this.#seen;
      key[0] = getWord(bytes, at);
      key[1] = (bytes[at + 4] << 8) | bytes[at + 5];
      key[2] = vni;
      const index = this.#seen.add();
      if (index >= 0) this.#encrypted[index] = opened || this.#encrypted[index];
    }
  }

  #byMac(): Map<string, SeenNetwork[]> {
    const seen = new Map<string, SeenNetwork[]>();
    this.#encrypted.forEach((encrypted, index) => {
      const mac = macKey(this.#seen.word(index, 0), this.#seen.word(index, 1));
      const list = seen.get(mac) ?? [];
      list.push({ vni: this.#seen.word(index, 2), encrypted });
      seen.set(mac, list);
    });
    return seen;
  }
}

function macKey(word: number, rest: number): string {
  return `${word} ${rest}`;
}

/** The network that has the most of some MACs: networks may have the same subnet, and so the same MACs. */
function mostFrequent(
  macs: readonly Uint8Array[],
  seen: ReadonlyMap<string, readonly SeenNetwork[]>,
): SeenNetwork | undefined {
  const votes = new Map<number, { count: number; encrypted: boolean }>();
  for (const mac of macs) {
    for (const { vni, encrypted } of seen.get(macKey(getWord(mac, 0), (mac[4] << 8) | mac[5])) ?? []) {
      const vote = votes.get(vni) ?? { count: 0, encrypted: false };
      votes.set(vni, { count: vote.count + 1, encrypted: vote.encrypted || encrypted });
    }
  }
  let best: SeenNetwork | undefined;
  let most = 0;
  for (const [vni, { count, encrypted }] of votes) {
    if (count <= most) continue;
    most = count;
    best = { vni, encrypted };
  }
  return best;
}
