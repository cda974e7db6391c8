/** `vtep replay`: runs a capture through the whole data plane and back. */
import { randomFillSync } from 'node:crypto';
import { STANDARD_STREAM } from '../../capture/file/standard-stream.js';
import { KeyRing, type Network, Profile, type Topology } from '../../overlay/index.js';
import { AEAD_HELP } from '../options/aead-option.js';
import { oneOf, onlyOperand, parseWords, UsageError, wholeNumber } from '../arguments.js';
import type { Command } from '../command.js';
import { CONFIG_HELP, CONFIG_OPTIONS, configOption } from '../options/config-option.js';
import { ExitCode } from '../exit-code.js';
import { isInterrupted, stopReadingOnInterrupt } from '../interruption.js';
import { readKeysOption } from '../options/keys-option.js';
import { CaptureKind, type ObservedTopology } from '../../replay/index.js';
import { fileInput, streamInput } from './replay-input.js';
import { printReplay, type ReplayRun, replayReport } from './replay-report.js';
import { runReplay, workersOption } from './replay-run.js';
import { grouped } from '../table.js';
import { say, TextOutput } from '../text-output.js';

const HELP = `vtep replay FILE [OPTIONS]

Runs every frame of a capture through one node's egress, a simulated underlay
and the other node's ingress, and compares what is delivered with what was sent,
byte by byte. FILE is a capture of containers or of an underlay, clear or
encrypted; - is standard input, which needs --config, is read once, and limits
frames to 9,230 bytes; its first 1,024 packets decide which of the two it is.

${CONFIG_HELP}
                     Without a config, the network is learned from the capture.
  --keys FILE        decrypts an encrypted capture; may be repeated
  --encrypt          encrypts the networks, with a temporary key if the config
                     has none
  --both             runs it both clear and encrypted, side by side
  --profile NAME     swarm (as Docker) or strict. Default: swarm, or the
                     config's
  --mtu N            MTU of the underlay. Default: 1500, or the config's
  --oversize MODE    packets that don't fit: outside (outer fragments) or drop.
                     Default: outside
  --loss P, --reorder P, --duplicate P, --corrupt P
                     impairments of the underlay: probabilities from 0 to 1
  --seed N           seed of the impairments. Default: 1
${AEAD_HELP}
  --rotate-every SECONDS
                     rotates the keys in capture time, with the nodes' update
                     steps between frames; at least 1
  --workers N        worker threads, 1 to 64, each with its own flows or SAs.
                     Default: 1, the main thread alone
  --batch N          packets per batch, 1 to 256. Default: 256
  --loops N          replays the capture N times. Default: 1
  --write-wire OUT   writes the packets on the wire as pcap; with --batch 1,
                     each has the timestamp of its frame
  --verbose          also prints what didn't happen: rows of zeros
  --json             one JSON object instead of a table
  --strict           exit 1 if a frame was lost, changed or dropped`;

/** Encrypts every network, with the config's key ring or a new one. */
export function encrypted(topology: Topology, profile: Profile): Topology {
  const ring = topology.ring ?? KeyRing.generate({ random: (bytes) => void randomFillSync(bytes) });
  const networks = topology.networks.map((network) => ({ ...network, encrypted: true }));
  return { ...topology, profile, networks, ring };
}

function isEncrypted({ encrypted: sealed }: Network): boolean {
  return sealed;
}

/** The same with every network clear. */
export function clear(topology: Topology): Topology {
  return { ...topology, networks: topology.networks.map((network) => ({ ...network, encrypted: false })) };
}

function espPackets(count: number): string {
  return `${grouped(count)} ESP packet${count === 1 ? '' : 's'}`;
}

/**
 * Refuses a capture that is mostly ESP that wasn't decrypted: its packets would pass for containers' frames.
 * @throws UsageError
 */
function refuseSealed({ sealedEsp, mostlySealed, kind }: ObservedTopology, name: string, keyed: boolean): void {
  if (!mostlySealed || kind === CaptureKind.Wire) return;
  const found = `${name}: ${espPackets(sealedEsp)}, none decrypted`;
  throw new UsageError(
    keyed ? `${found}: the keys of --keys don't match (see: vtep keys match)` : `${found}; use --keys FILE`,
  );
}

/** Reports on standard error what a replay omits from its capture, or may misinterpret. */
function sayWhatIsMissing(observed: ObservedTopology, name: string, configured: boolean, keyed: boolean): void {
  const { sealedEsp, kind, vteps, unlisted } = observed;
  if (sealedEsp > 0) {
    const [were, are] = sealedEsp === 1 ? ['was', "isn't"] : ['were', "aren't"];
    const keys = keyed ? "the keys of --keys don't match" : '--keys FILE decrypts underlay packets';
    const missing = kind === CaptureKind.Wire ? `and ${are} replayed` : `and taken for containers' frames (${keys})`;
    say(`vtep: ${name}: ${espPackets(sealedEsp)} ${were} not decrypted ${missing}`);
  }
  if (configured) return;
  const { nodes } = observed;
  if (nodes < vteps) say(`vtep: ${name}: ${grouped(vteps)} VTEPs, replayed as ${grouped(nodes)} nodes`);
  if (unlisted > 0) {
    const many = 'of endpoints or networks beyond the first 65,536';
    say(`vtep: ${name}: ${grouped(unlisted)} frames ${many} aren't replayed`);
  }
}

/** `vtep replay FILE`. */
export const replayCommand: Command = {
  summary: 'runs a capture through the whole data plane and back',
  help: HELP,
  async run(args) {
    const text = { type: 'string' } as const;
    const flag = { type: 'boolean' } as const;
    const parsed = parseWords('replay', args, {
      ...CONFIG_OPTIONS,
      keys: { type: 'string', multiple: true },
      encrypt: flag,
      both: flag,
      profile: text,
      mtu: text,
      oversize: text,
      loss: text,
      reorder: text,
      duplicate: text,
      corrupt: text,
      seed: text,
      aead: text,
      batch: text,
      loops: text,
      'rotate-every': text,
      workers: text,
      'write-wire': text,
      verbose: flag,
      json: flag,
      strict: flag,
    });
    const path = onlyOperand('replay', parsed, 'a capture file');
    const profile = oneOf(parsed, 'profile', Object.values(Profile));
    const mtu = wholeNumber(parsed, 'mtu', 576, 65_535);
    workersOption(parsed);
    // A capture of the wire would be incomplete, and JSON is for programs, which expect all of it.
    if (parsed.values['json'] !== true && parsed.values['write-wire'] === undefined) stopReadingOnInterrupt();
    const config = await configOption(parsed);
    const keys = await readKeysOption(parsed, true);
    const esp = keys?.open().esp;
    const input =
      path === STANDARD_STREAM ? await streamInput(esp, parsed, config !== undefined) : await fileInput(path, esp);
    if (isInterrupted()) return ExitCode.Done;
    const { observed } = input;
    if (config === undefined) refuseSealed(observed, input.name, keys !== undefined);
    sayWhatIsMissing(observed, input.name, config !== undefined, keys !== undefined);
    let topology =
      config ??
      observed.topology({ profile: profile ?? Profile.Swarm, encrypted: false, mtu: mtu ?? 1500, ring: undefined });
    if (topology.nodes.length === 0 || topology.endpoints.length === 0) {
      throw new UsageError(
        config === undefined
          ? `${path}: no frames of containers, so there is nothing to replay`
          : 'no endpoints in the config or in --docker, --fdb and --neigh, so there is nothing to replay to',
      );
    }
    if (mtu !== undefined) topology = { ...topology, nodes: topology.nodes.map((node) => ({ ...node, mtu })) };
    const wanted = profile ?? topology.profile;
    const wirePath = parsed.values['write-wire'] as string | undefined;
    const both = parsed.values['both'] === true;
    const encrypt = parsed.values['encrypt'] === true;
    const encrypts = both || encrypt || config?.networks.some(isEncrypted) === true;
    if (parsed.values['rotate-every'] !== undefined && !encrypts) {
      throw new UsageError('--rotate-every needs --encrypt, --both, or a config with an encrypted network');
    }
    const ways: Topology[] = [];
    if (both || (!encrypt && config === undefined)) ways.push(clear(topology));
    else if (!encrypt) ways.push(topology);
    if (both || encrypt) ways.push(encrypted(topology, wanted));
    const runs: ReplayRun[] = [];
    try {
      for (const [i, way] of ways.entries()) {
        if (isInterrupted()) break;
        const last = i === ways.length - 1;
        runs.push(await runReplay({ path, input, parsed, keys }, way, last ? wirePath : undefined));
      }
    } finally {
      for (const { ring } of ways) ring?.wipe();
    }
    keys?.finish();
    const output = new TextOutput();
    const about = { file: input.name, kind: observed.kind, vteps: observed.vteps, topology };
    if (parsed.values['json'] === true) output.json(replayReport(about, runs));
    else printReplay(output, about, runs, parsed.values['verbose'] === true);
    output.flush();
    const [{ result }] = runs;
    if (config === undefined && result.local > 0 && result.wire.packets === 0) {
      const why = 'all sending endpoints are behind one VTEP (frames mirrored to a collector look like that)';
      say(`vtep: ${input.name}: no frame left its node: ${why}; --config can assign endpoints to nodes`);
    }
    const wrong = runs.some(
      ({ result: { balanced, changed, missing }, cut, tooLong, lostToWorkers }) =>
        !balanced || changed > 0 || missing > 0 || cut > 0 || tooLong > 0 || lostToWorkers > 0,
    );
    return parsed.values['strict'] === true && wrong ? ExitCode.DataWrong : ExitCode.Done;
  },
};
