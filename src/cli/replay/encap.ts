/** `vtep encap`: encapsulates containers' frames as a node would send them. */
import { randomFillSync } from 'node:crypto';
import { type Aead, hkdfSha256 } from '../../aead/index.js';
import { type CaptureBatch, LinkType, type OutputFile, PcapWriter } from '../../capture/index.js';
import { DropReason, dropReasonName, dropReasonText, EgressChain, type Oversize } from '../../dataplane/index.js';
import { Arena, PacketBatch, seedFlows } from '../../memory/index.js';
import { NodeSas, NodeTables, Profile, type Topology } from '../../overlay/index.js';
import { EthernetHeaders } from '../../wire/index.js';
import { openInput, readInput, sayNotes } from '../capture/capture-input.js';
import { declare } from '../command.js';
import { ExitCode } from '../exit-code.js';
import { aeadDeclared, aeadOption } from '../options/aead-option.js';
import { CONFIG_OPTIONS, configOption } from '../options/config-option.js';
import { captureOperand, flag, option, options, outputFile, type Values } from '../options/declared.js';
import { type KeyValues, readKeysOption } from '../options/keys-option.js';
import { learnDeclared, learnOption } from '../options/learn-option.js';
import { file as fileValue } from '../options/value-kinds.js';
import { oversizeDeclared } from '../options/oversize-option.js';
import { openOutput } from '../output.js';
import { grouped } from '../table.js';
import { say, TextOutput } from '../text-output.js';
import { UsageError } from '../usage-error.js';

const OPTIONS = {
  output: outputFile(),
  node: option('--node NAME', 'the sending node').need(),
  oversize: oversizeDeclared,
  aead: aeadDeclared,
  json: flag('--json', 'print the report as one JSON object'),
  strict: flag('--strict', 'exit 1 if frames were dropped or the capture is damaged'),
  ...CONFIG_OPTIONS,
  learn: learnDeclared,
  keys: options('--keys FILE', 'with --learn: keys of the gossip, and of encrypted networks', fileValue).under(
    'Network',
  ),
};

type EncapValues = Values<typeof OPTIONS>;

/** A frame captured with offloads enabled is up to 64 KiB long. */
const FRAME_BYTES = 66_000;
const SLOTS = 1024;
const SOURCE_MAC = 6;

/** The cipher and the SAs; neither if no network is encrypted. */
interface Cipher {
  readonly aead?: Aead;
  readonly sas?: NodeSas;
}

const NANOSECONDS = 1e9;
/** IP identifications start at the same value in every run, so that outputs can be compared. */
const FIXED_STARTS = (): void => undefined;

/** Sends frames of a capture through a node's egress chain and writes the resulting packets. */
class Encapsulation {
  readonly chain: EgressChain;
  /** Frames that aren't from an endpoint of the node, and frames that the capture truncated. */
  notFromHere = 0;
  truncated = 0;
  readonly #tables: NodeTables;
  readonly #batch: PacketBatch;
  readonly #writer: PcapWriter;
  readonly #headers: EthernetHeaders;
  #seconds = 0;
  #nanoseconds = 0;

  constructor(tables: NodeTables, writer: PcapWriter, cipher: Cipher, oversize: Oversize) {
    this.#tables = tables;
    this.#writer = writer;
    const { nodes } = tables.topology;
    const { vtep, mac } = nodes[tables.node];
    this.#headers = new EthernetHeaders(
      vtep.length === 4 ? 4 : 6,
      mac,
      nodes.map((node) => node.mac),
    );
    const arena = new Arena({ slots: SLOTS, frameBytes: FRAME_BYTES });
    this.#batch = new PacketBatch(arena, 1);
    const sinks = { wire: (batch: PacketBatch) => this.#write(batch) };
    this.chain = new EgressChain(tables, arena, sinks, { oversize, random: FIXED_STARTS, ...cipher });
  }

  add(batch: CaptureBatch): void {
    for (let i = 0; i < batch.count; i++) {
      const start = batch.offset[i];
      const end = start + batch.capturedLength[i];
      this.#seconds = batch.seconds[i];
      this.#nanoseconds = batch.nanoseconds[i];
      const endpoint = end - start < 14 ? -1 : this.#tables.endpointOf(batch.bytes, start + SOURCE_MAC);
      if (batch.capturedLength[i] < batch.originalLength[i]) {
        this.truncated++;
      } else if (batch.linkType[i] !== LinkType.Ethernet || endpoint < 0) {
        this.notFromHere++;
      } else {
        const { network } = this.#tables.topology.endpoints[endpoint];
        if (this.#batch.copyIn(batch.bytes, start, end, network) < 0) this.chain.refuse(DropReason.NoMemory);
        this.chain.run(this.#batch, this.#seconds + this.#nanoseconds / NANOSECONDS);
      }
    }
  }

  #write(batch: PacketBatch): void {
    const { bytes } = batch.arena;
    for (let i = 0; i < batch.count; i++) {
      const start = this.#headers.prepend(bytes, batch.start[i], batch.node[i]);
      const length = batch.end[i] - start;
      this.#writer.write(bytes, start, length, length, this.#seconds, this.#nanoseconds);
    }
  }
}

async function cipherOf(tables: NodeTables, named: string | undefined): Promise<Cipher> {
  const { topology, node } = tables;
  if (!topology.networks.some((network) => network.encrypted)) return {};
  const { aead } = await aeadOption(named);
  const random = (bytes: Uint8Array): void => void randomFillSync(bytes);
  return { aead, sas: NodeSas.ofTopology(topology, node, aead, { hkdf: hkdfSha256, random }) };
}

async function topologyOf(values: EncapValues): Promise<Topology> {
  const described = await configOption(values);
  if (described !== undefined && values.learn !== undefined) {
    throw new UsageError('--learn and a description of the network are mutually exclusive');
  }
  const topology = described ?? (await learned(values));
  if (topology === undefined) throw new UsageError('encap needs --config FILE; see: vtep encap --help');
  return topology;
}

/** The topology of `--learn`, with a copy of the keys. */
async function learned(values: EncapValues): Promise<Topology | undefined> {
  const { learn, keys: paths, aead } = values;
  if (learn === undefined) {
    if (paths.length > 0) throw new UsageError('--keys needs --learn; --ring has the keys of encrypted networks');
    return undefined;
  }
  const given: KeyValues = { keys: paths, aead };
  const keys = await readKeysOption(given, false, true);
  try {
    return await learnOption(learn, {
      capture: undefined,
      gossip: keys?.openGossip(),
      esp: keys?.openEsp()?.esp,
      ring: keys?.ring?.ring.copy(),
      profile: Profile.Swarm,
      mtu: 1500,
    });
  } finally {
    keys?.finish();
  }
}

/** `vtep encap FILE -o OUT`. */
export const encapCommand = declare({
  usage: ['FILE -o OUT --config FILE --node NAME [OPTIONS]'],
  description: [
    "Encapsulates containers' frames as the node NAME would send them: VXLAN, and ESP for encrypted networks. Frames " +
      "that aren't from an endpoint of that node are skipped and counted.",
  ],
  operand: captureOperand(),
  options: OPTIONS,
  examples: [
    ['vtep encap inner.pcap -o wire.pcap --config overlay.yaml --node n1', 'frames as n1 sends them'],
    [
      'vtep encap inner.pcap -o wire.pcap --vtep n1=10.0.0.1 --vtep n2=10.0.0.2 --docker n1=n1.json --docker n2=n2.json ' +
        '--node n1',
      'with a network that Docker describes; docker network inspect NET > n1.json on n1, and so on',
    ],
  ],
  async run(values, [path]) {
    const { output, node, json } = values;
    if (json && output === '-') throw new UsageError('--json and -o - both use standard output; name a file');
    const topology = await topologyOf(values);
    // A fixed seed gives every run the same source ports, so that outputs can be compared.
    seedFlows(1);
    const tables = new NodeTables(topology, node);
    const source = await openInput(path);
    let file: OutputFile;
    try {
      file = openOutput(output, path);
    } catch (error) {
      await source.close();
      throw error;
    }
    let cipher: Cipher = {};
    try {
      cipher = await cipherOf(tables, values.aead);
      const nanoseconds = !(source.format === 'pcap' && source.interfaces[0].ticksPerSecond <= 1e6);
      const writer = new PcapWriter(file.write, { nanoseconds });
      const encapsulation = new Encapsulation(tables, writer, cipher, values.oversize);
      await readInput(source, (batch) => encapsulation.add(batch));
      writer.flush();
      file.commit();
      const { accounting, drops } = encapsulation.chain;
      const report = {
        file: source.name,
        output: file.name,
        node,
        frames: accounting.frames + encapsulation.notFromHere + encapsulation.truncated,
        notFromHere: encapsulation.notFromHere,
        truncated: encapsulation.truncated,
        accounting: { ...accounting, dropped: drops.byName() },
        wirePackets: encapsulation.chain.wirePackets,
        sealed: encapsulation.chain.seal.sealed,
        notes: source.notes,
      };
      if (json) {
        const text = new TextOutput();
        text.json(report);
        text.flush();
      } else {
        sayReport(report, drops.counts);
        sayNotes(source);
      }
      const wrong = source.damage !== undefined || encapsulation.truncated > 0 || drops.total > 0;
      return values.strict && wrong ? ExitCode.DataWrong : ExitCode.Done;
    } finally {
      cipher.sas?.close();
      topology.ring?.wipe();
      file.abandon();
    }
  },
});

interface Report {
  readonly output: string;
  readonly node: string;
  readonly frames: number;
  readonly notFromHere: number;
  readonly truncated: number;
  readonly wirePackets: number;
  readonly sealed: number;
  readonly accounting: { sent: number; local: number; copies: number; replies: number };
}

function sayReport(report: Report, drops: Float64Array): void {
  const { sent, local, copies, replies } = report.accounting;
  const dropped = drops.reduce((sum, count) => sum + count, 0);
  const sealed = report.sealed > 0 ? `, ${grouped(report.sealed)} encrypted` : '';
  say(`${grouped(report.wirePackets)} packets from ${report.node}${sealed} -> ${report.output}`);
  say(
    `${grouped(report.frames)} frames${copies > 0 ? ` + ${grouped(copies)} copies and fragments` : ''} = ` +
      `${grouped(sent)} sent + ${grouped(local)} local + ${grouped(report.notFromHere)} not from this node + ` +
      `${grouped(report.truncated)} truncated by the capture + ${grouped(dropped)} dropped`,
  );
  drops.forEach((count, reason) => {
    if (count > 0) say(`  dropped ${grouped(count)} ${dropReasonName(reason)}: ${dropReasonText(reason)}`, 'red');
  });
  if (report.notFromHere > 0 && report.notFromHere === report.frames) {
    say(
      `  no frame is from an endpoint of ${report.node}; for a capture of the underlay, run vtep decap first`,
      'yellow',
    );
  }
  if (replies > 0) say(`  ${grouped(replies)} replies to the containers (ARP, ND, ICMP), not on the wire`);
}
