/**
 * Functions that the browser's tests call in the page, and in Node to compare. They take captures by address, and use
 * only what browsers have too.
 */
import {
  Arena,
  type CaptureBatch,
  ClusterKey,
  deriveSa,
  deriveSpi,
  EgressChain,
  forgeBackend,
  forgeHkdfSha256,
  InboundEsp,
  InboundSa,
  UnderlayDecoder,
  IngressChain,
  MemoryReader,
  NodeSas,
  NodeTables,
  openCapture,
  OutboundEsp,
  outboundHeadroom,
  OutboundSa,
  outboundTailroom,
  PacketBatch,
  type PacketSource,
  packetLine,
  parseConfig,
  parseIp,
  parseKeys,
  PcapngWriter,
  type Profile,
  RingResolver,
  Sad,
  selfTest,
  type SpiForm,
  Survey,
  type SurveyReport,
  Verdict,
  VtepError,
} from '../../native-free/index.js';

/** An inner frame. */
export interface InnerFrame {
  readonly vni: number;
  readonly hex: string;
}

/** The results for the packets of a capture. */
export interface Opened {
  readonly frames: readonly InnerFrame[];
  /** Packets that were opened, that lacked a key, and that were dropped, by reason. */
  readonly opened: number;
  readonly esp: number;
  readonly drops: readonly number[];
}

/** Why something could not be used. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function random(bytes: Uint8Array): void {
  bytes.set(crypto.getRandomValues(new Uint8Array(bytes.length)));
}

async function bytesAt(address: string): Promise<Uint8Array> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

async function sourceAt(address: string): Promise<PacketSource> {
  return openCapture(new MemoryReader(await bytesAt(address), address.replace(/^.*\//, '')));
}

/** Opens ESP with the keys of files of one kind, read as one. */
async function opener(addresses: readonly string[]): Promise<{ esp?: InboundEsp }> {
  if (addresses.length === 0) return {};
  const texts = await Promise.all(addresses.map(bytesAt));
  const keys = parseKeys(texts.map((bytes) => new TextDecoder().decode(bytes)).join('\n'));
  const aead = forgeBackend.create();
  const sad = new Sad<InboundSa>();
  if (keys.kind === 'ring') {
    const { ring, profile } = keys;
    const resolver = new RingResolver(ring, aead, sad, forgeHkdfSha256, { profile, midStream: true });
    return { esp: new InboundEsp(aead, sad, resolver) };
  }
  for (const sa of keys.associations) sad.add(new InboundSa(sa, aead, { midStream: true, inferMode: keys.inferMode }));
  return { esp: new InboundEsp(aead, sad) };
}

async function eachBatch(source: PacketSource, take: (batch: CaptureBatch) => void): Promise<void> {
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) take(batch);
  await source.close();
}

/** All inner frames of a capture. */
export async function open(capture: string, keys: readonly string[]): Promise<Opened> {
  const decoder = new UnderlayDecoder(await opener(keys));
  const frames: InnerFrame[] = [];
  await eachBatch(await sourceAt(capture), (batch) => {
    for (let i = 0; i < batch.count; i++) {
      const at = batch.offset[i];
      const end = at + batch.capturedLength[i];
      const limit = at + batch.originalLength[i];
      const verdict = decoder.receive(batch.linkType[i], batch.bytes, at, end, limit, batch.seconds[i]);
      if (verdict !== Verdict.Frame) continue;
      const { vni, outerBytes, frameOffset, frameEnd } = decoder;
      frames.push({ vni, hex: hexOf(outerBytes.subarray(frameOffset, frameEnd)) });
    }
  });
  return { frames, opened: decoder.openedPackets, esp: decoder.espPackets, drops: [...decoder.drops.counts] };
}

/** A capture's report, and its packets as lines. */
export async function survey(
  capture: string,
  keys: readonly string[],
): Promise<{ report: SurveyReport; lines: string[] }> {
  const counts = new Survey(await opener(keys));
  const source = await sourceAt(capture);
  const lines: string[] = [];
  await eachBatch(source, (batch) => {
    for (let i = 0; i < batch.count; i++) {
      const verdict = counts.add(batch, i);
      const length = batch.originalLength[i];
      const context = { number: lines.length + 1, time: batch.seconds[i], length, link: batch.offset[i] };
      lines.push(packetLine(counts.decoder, verdict, counts.inner, context));
    }
  });
  return { report: counts.report(source), lines };
}

/** SPI of one direction under a key's tag. */
export function spi(source: string, destination: string, tag: number, form: SpiForm): number {
  return deriveSpi(parseIp(source), parseIp(destination), tag, form);
}

/** A packet sealed under a new key, and the results of opening it. */
export interface RoundTrip {
  /** The cluster's key that sealed it. */
  readonly key: string;
  readonly sealed: string;
  readonly opened: string;
  /** The verdict on the packet with one bit changed. */
  readonly changed: Verdict;
}

/** Seals an IP packet from 192.168.50.1 to .2 under a profile, and opens it. */
export function sealAndOpen(profile: Profile, tag: number, packet: string): RoundTrip {
  const aead = forgeBackend.create();
  const bytes = new Uint8Array(16);
  const ivMask = new Uint8Array(8);
  random(bytes);
  random(ivMask);
  const source = parseIp('192.168.50.1');
  const destination = parseIp('192.168.50.2');
  const association = deriveSa(profile, { key: new ClusterKey(tag, bytes), source, destination }, forgeHkdfSha256);
  const sa = new OutboundSa(association, aead, { ivMask });
  const content = fromHex(packet);
  const start = outboundHeadroom(sa);
  const slot = new Uint8Array(start + content.length + outboundTailroom(sa));
  slot.set(content, start);
  const esp = new OutboundEsp(aead);
  esp.push(sa, slot, start, start + content.length, 0);
  esp.flush();
  const sealed = slot.slice(esp.start, esp.end);
  const receive = (wire: Uint8Array): { verdict: Verdict; inside: string } => {
    const sad = new Sad<InboundSa>();
    sad.add(new InboundSa(association, aead));
    const decoder = new UnderlayDecoder({ esp: new InboundEsp(aead, sad) });
    // 101 is LINKTYPE_RAW: IP without a link layer.
    const verdict = decoder.receive(101, wire, 0, wire.length, wire.length, 0);
    const { outer, outerBytes } = decoder;
    return { verdict, inside: hexOf(outerBytes.subarray(outer.networkOffset, outer.networkEnd)) };
  };
  const changed = sealed.slice();
  changed[changed.length - 1] ^= 1;
  const opened = receive(sealed.slice());
  return { key: hexOf(bytes), sealed: hexOf(sealed), opened: opened.inside, changed: receive(changed).verdict };
}

function failureOf(error: unknown): Failure {
  if (!(error instanceof VtepError)) throw error;
  return { code: error.code, message: error.message };
}

/**
 * Why the first bytes of a capture can't be read to their end, and the number of packets before that.
 * @param changed offset of a byte whose highest bit is flipped, if any
 */
export async function damage(
  capture: string,
  length: number,
  changed = -1,
): Promise<{ packets: number; failure: Failure | undefined }> {
  let packets = 0;
  try {
    const bytes = (await bytesAt(capture)).subarray(0, length);
    if (changed >= 0) bytes[changed] ^= 0x80;
    const source = await openCapture(new MemoryReader(bytes));
    await eachBatch(source, (batch) => void (packets += batch.count));
    return { packets, failure: source.damage && failureOf(source.damage) };
  } catch (error) {
    return { packets, failure: failureOf(error) };
  }
}

/** Why a text is not a file of keys, or not a config. */
export function refusal(kind: 'keys' | 'config', text: string): Failure | undefined {
  try {
    if (kind === 'keys') parseKeys(text);
    else parseConfig(text);
    return undefined;
  } catch (error) {
    return failureOf(error);
  }
}

/** What node-forge gets wrong. */
export function wrong(): string | undefined {
  return selfTest(forgeBackend.create());
}

/**
 * Sends frames from the first node of a config to the second: through a forwarding table, sealed if the network is
 * encrypted, fragmented and reassembled.
 * @returns the packets on the wire, and the frames for the second node's containers
 */
export function exchange(config: string, frames: readonly string[]): { packets: number; delivered: string[] } {
  const topology = parseConfig(config);
  const arena = new Arena({ slots: 512, frameBytes: 4096 });
  const [secretsOfOne, secretsOfTwo] = [0, 1].map((node) => {
    if (topology.ring === undefined) return {};
    const aead = forgeBackend.create();
    return { aead, sas: NodeSas.ofTopology(topology, node, aead, { hkdf: forgeHkdfSha256, random }) };
  });
  const delivered: string[] = [];
  const two = new IngressChain(
    new NodeTables(topology, topology.nodes[1].name),
    arena,
    ({ count, start, end }) => {
      for (let i = 0; i < count; i++) delivered.push(hexOf(arena.bytes.subarray(start[i], end[i])));
    },
    secretsOfTwo,
  );
  const inbox = new PacketBatch(arena);
  let packets = 0;
  const wire = ({ count, start, end }: PacketBatch): void => {
    packets += count;
    for (let i = 0; i < count; i++) inbox.copyIn(arena.bytes, start[i], end[i]);
    two.run(inbox, 0);
  };
  const none = (): void => undefined;
  const one = new EgressChain(
    new NodeTables(topology, topology.nodes[0].name),
    arena,
    { wire, local: none, replies: none },
    secretsOfOne,
  );
  const batch = new PacketBatch(arena);
  for (const frame of frames) {
    const bytes = fromHex(frame);
    batch.copyIn(bytes, 0, bytes.length, 0);
    one.run(batch, 0);
  }
  return { packets, delivered };
}

/** A capture's packets after writing them to a pcapng file in memory and reading it back. */
export async function rewritten(capture: string): Promise<string[]> {
  const parts: Uint8Array[] = [];
  const writer = new PcapngWriter((bytes) => void parts.push(bytes.slice()));
  writer.addInterface('wire');
  await eachBatch(await sourceAt(capture), (batch) => {
    for (let i = 0; i < batch.count; i++) {
      const { bytes, offset, capturedLength, originalLength, seconds, nanoseconds } = batch;
      writer.write(bytes, offset[i], capturedLength[i], originalLength[i], seconds[i], nanoseconds[i]);
    }
  });
  writer.flush();
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  parts.reduce((at, part) => {
    whole.set(part, at);
    return at + part.length;
  }, 0);
  const packets: string[] = [];
  await eachBatch(await openCapture(new MemoryReader(whole)), (batch) => {
    for (let i = 0; i < batch.count; i++) {
      const at = batch.offset[i];
      packets.push(hexOf(batch.bytes.subarray(at, at + batch.capturedLength[i])));
    }
  });
  return packets;
}

/** Whether sums over whole packets use WebAssembly here. */
export function hasWebAssembly(): boolean {
  return 'WebAssembly' in globalThis;
}
