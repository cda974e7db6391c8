/** Captures to order: the network, its flows and faults, and the bytes of the file, block by block. */
import type { Aead } from '../aead/index.js';
import { PcapngWriter, PcapWriter } from '../capture/index.js';
import { OutboundSa } from '../ipsec/index.js';
import { formatAddress, Profile, type Topology } from '../overlay/index.js';
import { inQuotes } from '../text/plain-text.js';
import { dockerNetworks } from './docker-view.js';
import { GenerateError } from './error.js';
import { faultNamed } from './faults/catalogue.js';
import { type Fault, FaultSite } from './faults/fault.js';
import { SaTable } from './keys.js';
import { Measure } from './measure.js';
import { NetworkBuilder } from './network-builder.js';
import { type CheckedOptions, checkOptions, type GenerateOptions, MIN_MTU_IPV6 } from './options.js';
import { PlannedPacket } from './packet.js';
import { IMPAIRMENTS, Plan, type Planned } from './plan.js';
import { BLOCK_BYTES, Renderer } from './renderer.js';
import { addHealthyFlows } from './traffic/healthy-flows.js';
import { type FaultTruth, TruthRecord } from './truth.js';
import { World } from './world.js';

const SECOND = 1e9;
const ICV = { [Profile.Swarm]: 8, [Profile.Strict]: 16 } as const;

/** What was generated. */
export interface GenerateReport {
  /** Packets in the file, outer fragments counted each. */
  readonly packets: number;
  /** Size of the file. */
  readonly bytes: number;
  /** From the first packet to the last. */
  readonly seconds: number;
  readonly seed: number;
  readonly nodes: readonly { readonly name: string; readonly vtep: string }[];
  readonly networks: readonly { readonly name: string; readonly vni: number; readonly encrypted: boolean }[];
  readonly flows: number;
  /** SAs of which the key files have the keys. */
  readonly sas: number;
  /** What is wrong in it, in the order of the options. */
  readonly faults: readonly FaultTruth[];
}

/** A block of the file. */
export interface GeneratedBlock {
  /** From 0; blocks of other workers are left out. */
  readonly index: number;
  /** Valid until the next block is asked for. */
  readonly bytes: Uint8Array;
}

/**
 * Generates a capture. The same options give the same bytes.
 * @example
 * import { chooseAead } from 'vtep/aead';
 * import { OutputFile } from 'vtep/capture';
 * import { CaptureGenerator } from 'vtep/generate';
 *
 * const generator = new CaptureGenerator({ encrypted: true, packets: 1000, faults: ['icv-invalid'] });
 * const file = new OutputFile('wire.pcap');
 * for (const { bytes } of generator.blocks(chooseAead().aead)) file.write(bytes);
 * file.commit();
 * for (const { fault, nodes, packets } of generator.report().faults) console.log(fault, nodes, packets);
 */
export class CaptureGenerator {
  readonly options: CheckedOptions;
  readonly #world: World;
  readonly #keys: SaTable;
  readonly #builder: NetworkBuilder;
  readonly #measure: Measure;
  readonly #faults: readonly Fault[];
  readonly #truth: readonly TruthRecord[];
  readonly #planned: Planned;
  #plan: Plan | undefined;
  #size = 0;

  /** @throws GenerateError for invalid options */
  constructor(options: GenerateOptions = {}) {
    const faults = (options.faults ?? []).map(faultNamed);
    const checked = checkOptions(options);
    const rotations = faults.some(({ rotates }) => rotates === true)
      ? Math.max(1, checked.rotations)
      : checked.rotations;
    this.options = { ...checked, rotations };
    this.#faults = checked.faults.map(faultNamed);
    const { seed, profile, format, snaplen } = this.options;
    checkRotations(this.options);
    this.#world = new World(this.options);
    this.#keys = new SaTable(seed, profile, rotations);
    this.#measure = new Measure(format, ICV[profile], snaplen);
    this.#builder = new NetworkBuilder(this.options, this.#world, this.#keys);
    addHealthyFlows(this.#builder);
    const duration = this.options.duration * SECOND;
    this.#addFaults(duration);
    this.#checkNetworks();
    this.#checkView();
    this.#truth = [
      ...this.#faults.map(({ name }) => new TruthRecord(name, true)),
      ...IMPAIRMENTS.map((name) => new TruthRecord(name, false)),
    ];
    this.#planned = {
      options: this.options,
      lanes: this.#builder.table.lanes,
      flows: this.#builder.flows,
      tunnels: this.#builder.table.tunnels,
      firsts: this.#keys.sas.map(({ first }) => first),
      faults: this.#faults.length,
      rotationInterval: rotations === 0 ? Number.POSITIVE_INFINITY : duration / (rotations + 1),
    };
  }

  /** The nodes, networks and endpoints, with the keys. */
  get topology(): Topology {
    const { nodes, networks, endpoints, port } = this.#world;
    return { profile: this.options.profile, port, nodes, networks, endpoints, ring: this.#keys.ring };
  }

  /** Whether anything is encrypted, so that `blocks` needs a cipher. */
  get encrypted(): boolean {
    return this.#keys.sas.length > 0;
  }

  /** Says in a file what it is of. */
  get #banner(): string {
    return `# A generated capture (vtep generate, seed ${this.options.seed}). Its keys follow from the seed: use them for nothing else.\n`;
  }

  /** Wireshark's `esp_sa` of the capture's SAs. It contains keys. */
  espSa(): string {
    return this.#banner + this.#keys.espSa();
  }

  /** `ip xfrm state add` commands of the SAs, as a shell script. It contains keys. */
  xfrmCommands(): string {
    return this.#keys.xfrmCommands();
  }

  /** A vtep config of the network. It contains the key ring if a network is encrypted. */
  config(): string {
    const { profile } = this.options;
    return this.#banner + this.#world.config(profile) + (this.encrypted ? this.#keys.ringText() : '');
  }

  /** What `docker network inspect --verbose` prints on the first node: networks, VNIs, peers, a service with its tasks. */
  dockerNetworks(): string {
    return dockerNetworks(this.#world, this.options.mtu);
  }

  /**
   * Makes the bytes of the file. Call it once; flows and sequence numbers go on from where they are.
   * @param aead the cipher, if anything is encrypted
   * @param worker makes every block whose index is this one modulo `workers`
   * @throws GenerateError `BAD_OPTION` without a cipher
   */
  *blocks(aead?: Aead, worker = 0, workers = 1): Generator<GeneratedBlock, void, void> {
    if (this.encrypted && aead === undefined) {
      throw new GenerateError('BAD_OPTION', 'a cipher is needed: the capture has encrypted networks');
    }
    const sas = aead === undefined ? [] : this.#keys.sas.map((sa) => new OutboundSa(sa.association, aead, sa));
    try {
      yield* this.#blocks(aead, sas, worker, workers);
    } finally {
      for (const sa of sas) sa.close();
    }
  }

  *#blocks(
    aead: Aead | undefined,
    sas: readonly OutboundSa[],
    worker: number,
    workers: number,
  ): Generator<GeneratedBlock, void, void> {
    const { lanes, bytes } = this.#builder.table;
    const { start, format } = this.options;
    const cipher = sas.length > 0 ? aead : undefined;
    const renderer = new Renderer(lanes, bytes, sas, cipher, this.#measure, start);
    const listener = worker === 0 ? this.#note : undefined;
    const plan = new Plan(this.#planned, this.#measure, listener);
    this.#plan = plan;
    const packet = new PlannedPacket();
    const header = fileHeader(format);
    this.#size = header.length;
    if (worker === 0) yield { index: 0, bytes: header };
    for (let index = 1; ; index++) {
      const own = index % workers === worker;
      const filled = this.#fill(plan, packet, own ? renderer : undefined);
      if (filled === 0) return;
      const cut = plan.done ? Math.min(filled, this.#cut) : 0;
      this.#size += filled - cut;
      if (!own) continue;
      const block = renderer.take();
      yield { index, bytes: block.subarray(0, block.length - cut) };
    }
  }

  /** Plans a block, and renders it if it is this worker's. Returns its bytes: 0 at the end. */
  #fill(plan: Plan, packet: PlannedPacket, renderer: Renderer | undefined): number {
    let filled = 0;
    while (filled < BLOCK_BYTES && plan.next(packet)) {
      filled += packet.recordBytes;
      if (renderer !== undefined) renderer.render(packet);
    }
    return filled;
  }

  /** Bytes that faults cut off the end of the file. */
  get #cut(): number {
    return this.#faults.reduce((sum, { cut = 0 }) => sum + cut, 0);
  }

  /** How much of the file is planned, from 0 to 1. */
  get progress(): number {
    const { packets, bytes } = this.options;
    if (this.#plan === undefined) return 0;
    return Math.min(1, Math.max(this.#plan.planned / packets, this.#size / bytes));
  }

  /** What was generated; complete once the last block has been made, by worker 0. */
  report(): GenerateReport {
    const { nodes, networks } = this.#world;
    const faults = this.#truth.filter(({ named, count }) => named || count > 0);
    return {
      packets: this.#plan?.records ?? 0,
      bytes: this.#size,
      seconds: this.#plan === undefined ? 0 : (this.#plan.last - this.#plan.first) / SECOND,
      seed: this.options.seed,
      nodes: nodes.map(({ name, vtep }) => ({ name, vtep: formatAddress(vtep) })),
      networks: networks.map(({ name, vni, encrypted }) => ({ name, vni, encrypted })),
      flows: this.#builder.flows.length,
      sas: this.#keys.known.length,
      faults: faults.map(({ truth }) => truth),
    };
  }

  readonly #note = (fault: number, packet: number, lane: Planned['lanes'][number]): void => {
    this.#truth[fault].add(packet, lane);
  };

  /** Every fault is on nodes of its own, in a network that has what it needs. */
  #addFaults(duration: number): void {
    const extra = new Map<boolean, number>();
    this.#faults.forEach((fault, index) => {
      const { encrypted } = this.options;
      const wanted = fault.needs === 'any' ? encrypted : fault.needs === 'encrypted';
      let network = wanted === encrypted ? 0 : extra.get(wanted);
      if (network === undefined) {
        network = this.#world.addNetwork(wanted ? 'secure' : 'clear', wanted);
        extra.set(wanted, network);
      }
      fault.add(new FaultSite(this.#builder, index, network, duration));
    });
  }

  /** What options contradict each other by. */
  #checkNetworks(): void {
    const { ipv6, profile, rotations, sizes } = this.options;
    const mtus = this.#world.networks.map(({ mtu = 0 }) => mtu);
    const [least, most] = [Math.min(...mtus), Math.max(...mtus)];
    if (ipv6 && least < MIN_MTU_IPV6) {
      throw new GenerateError('BAD_OPTION', `containers with IPv6 need an MTU of ${MIN_MTU_IPV6}; theirs is ${least}`);
    }
    if (sizes.every(({ lowest }) => lowest > most)) {
      throw new GenerateError('BAD_OPTION', `all sizes are beyond the containers' MTU of ${most} bytes`);
    }
    if (this.encrypted) return;
    if (profile === Profile.Strict)
      throw new GenerateError('BAD_OPTION', 'the strict profile needs encrypted networks');
    if (rotations > 0) throw new GenerateError('BAD_OPTION', 'rotations need encrypted networks: there are no keys');
  }

  #checkView(): void {
    const { seenBy } = this.options;
    const names = this.#world.nodes.map(({ name }) => name);
    if (seenBy !== undefined && !names.includes(seenBy)) {
      throw new GenerateError(
        'UNKNOWN_NAME',
        `no node is called ${inQuotes(seenBy)}; they are ${names[0]} to ${names[names.length - 1]}`,
      );
    }
    const alone = this.#faults.find(({ twoCaptures }) => twoCaptures === true);
    if (seenBy === undefined && alone !== undefined) {
      throw new GenerateError(
        'BAD_OPTION',
        `${alone.name} shows in the captures of two nodes: generate it twice, as seen by each of them`,
      );
    }
  }
}

/** Rotations are at shares of the duration. */
function checkRotations({ rotations, duration }: CheckedOptions): void {
  if (rotations === 0 || Number.isFinite(duration)) return;
  throw new GenerateError(
    'BAD_OPTION',
    'rotations need a number of packets or a duration: bytes alone have no end in time',
  );
}

/** What a file begins with. */
function fileHeader(format: 'pcap' | 'pcapng'): Uint8Array {
  const parts: number[] = [];
  const sink = (bytes: Uint8Array): void => void parts.push(...bytes);
  if (format === 'pcap') {
    new PcapWriter(sink, { nanoseconds: true }).flush();
  } else {
    const writer = new PcapngWriter(sink);
    writer.addInterface('underlay');
    writer.flush();
  }
  return Uint8Array.from(parts);
}
