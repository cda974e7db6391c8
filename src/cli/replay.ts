/** `vtep replay`: a capture through the whole data plane and back. */
import { randomFillSync } from 'node:crypto';
import { STANDARD_STREAM } from '../capture/standard-stream.js';
import { KeyRing, type Network, Profile, type Topology } from '../overlay/index.js';
import { AEAD_HELP } from './aead-option.js';
import { oneOf, onlyOperand, parseWords, UsageError, wholeNumber } from './arguments.js';
import type { Command } from './command.js';
import { CONFIG_HELP, CONFIG_OPTIONS, configOption } from './config-option.js';
import { ExitCode } from './exit-code.js';
import { readKeysOption } from './keys-option.js';
import { CaptureKind, type ObservedTopology } from '../replay/index.js';
import { fileInput, streamInput } from './replay-input.js';
import { printReplay, type ReplayRun, replayReport } from './replay-report.js';
import { runReplay, workersOption } from './replay-run.js';
import { grouped } from './table.js';
import { say, TextOutput } from './text-output.js';

const HELP = `vtep replay FILE [OPTIONS]

Every frame of a capture through a node's way out, a simulated underlay, and the other node's way in; what is delivered
is compared with what was sent, byte for byte. FILE is a capture of containers or of an underlay, clear or encrypted;
- is standard input: with --config, in one reading, frames of up to 9,230 bytes. Its first 1,024 packets say what it is.

${CONFIG_HELP}
                     Without either the network is learned from the capture.
  --keys FILE        opens an encrypted capture
  --encrypt          encrypts the networks, under a key made for the run if the config has none
  --both             runs it clear and encrypted, and shows both side by side
  --profile WORD     swarm (as Docker; the default) or strict
  --mtu N            MTU of the underlay; 1500, or the config's
  --oversize WORD    outside (outer fragments; the default), or drop
  --loss P, --reorder P, --duplicate P, --corrupt P
                     what the underlay does to packets: probabilities from 0 to 1
  --seed N           of the underlay's dice; 1
${AEAD_HELP}
  --rotate-every SECONDS
                     rotates the keys in the capture's time, the nodes' steps taken between frames; 1 or more
  --workers N        worker threads, 1 to 64, each for flows or SAs of its own; 1, which is no thread but this one
  --batch N          packets that go through a stage together, 1 to 256; 256
  --loops N          the capture so many times; 1
  --write-wire OUT   the packets as they go onto the wire, as pcap; with --batch 1 each at the time of its frame
  --json             one JSON object instead of a table
  --strict           exit 1 if a frame was lost, changed, or dropped`;

/** Encrypts every network, under a ring of the config or one made here. */
function encrypted(topology: Topology, profile: Profile): Topology {
  const ring = topology.ring ?? KeyRing.generate({ random: (bytes) => void randomFillSync(bytes) });
  const networks = topology.networks.map((network) => ({ ...network, encrypted: true }));
  return { ...topology, profile, networks, ring };
}

function isEncrypted({ encrypted: sealed }: Network): boolean {
  return sealed;
}

function clear(topology: Topology): Topology {
  return { ...topology, networks: topology.networks.map((network) => ({ ...network, encrypted: false })) };
}

function espPackets(count: number): string {
  return `${grouped(count)} ESP packet${count === 1 ? '' : 's'}`;
}

/**
 * Refuses a capture that is mostly ESP that wasn't opened: its packets would be taken for frames of containers.
 * @throws UsageError
 */
function refuseSealed({ sealedEsp, mostlySealed, kind }: ObservedTopology, name: string, keyed: boolean): void {
  if (!mostlySealed || kind === CaptureKind.Wire) return;
  const found = `${name}: ${espPackets(sealedEsp)}, none opened`;
  throw new UsageError(
    keyed ? `${found}: --keys has other keys (vtep keys match says which)` : `${found}: --keys FILE`,
  );
}

/** Says what of a capture isn't in its replay, or may be taken for what it isn't, on standard error. */
function sayWhatIsMissing(observed: ObservedTopology, name: string, configured: boolean, keyed: boolean): void {
  const { sealedEsp, kind, vteps, unlisted } = observed;
  if (sealedEsp > 0) {
    const [were, are] = sealedEsp === 1 ? ['was', "isn't"] : ['were', "aren't"];
    const keys = keyed ? '--keys has other keys than those of an underlay' : '--keys FILE opens those of an underlay';
    const missing = kind === CaptureKind.Wire ? `and ${are} replayed` : `and taken for frames of containers (${keys})`;
    say(`vtep: ${name}: ${espPackets(sealedEsp)} ${were} not opened ${missing}`);
  }
  if (configured) return;
  const { nodes } = observed;
  if (nodes < vteps)
    say(`vtep: ${name}: it shows ${grouped(vteps)} VTEPs; they are replayed as ${grouped(nodes)} nodes`);
  if (unlisted > 0) {
    const many = 'of endpoints or networks beyond the first 65,536';
    say(`vtep: ${name}: ${grouped(unlisted)} frames are ${many} and aren't replayed`);
  }
}

/** `vtep replay FILE`. */
export const replayCommand: Command = {
  summary: 'a capture through the whole data plane and back',
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
      json: flag,
      strict: flag,
    });
    const path = onlyOperand('replay', parsed, 'a capture file');
    const profile = oneOf(parsed, 'profile', Object.values(Profile));
    const mtu = wholeNumber(parsed, 'mtu', 576, 65_535);
    workersOption(parsed);
    const config = await configOption(parsed);
    const keys = await readKeysOption(parsed, true);
    const esp = keys?.open().esp;
    const input =
      path === STANDARD_STREAM ? await streamInput(esp, parsed, config !== undefined) : await fileInput(path, esp);
    const { observed } = input;
    if (config === undefined) refuseSealed(observed, input.name, keys !== undefined);
    sayWhatIsMissing(observed, input.name, config !== undefined, keys !== undefined);
    let topology =
      config ??
      observed.topology({ profile: profile ?? Profile.Swarm, encrypted: false, mtu: mtu ?? 1500, ring: undefined });
    if (topology.nodes.length === 0 || topology.endpoints.length === 0) {
      throw new UsageError(
        config === undefined
          ? `${path}: it holds no frame of a container, so there is nothing to replay`
          : 'the config, or what --docker, --fdb and --neigh say, has no endpoint, so there is nothing to replay to',
      );
    }
    if (mtu !== undefined) topology = { ...topology, nodes: topology.nodes.map((node) => ({ ...node, mtu })) };
    const wanted = profile ?? topology.profile;
    const wirePath = parsed.values['write-wire'] as string | undefined;
    const both = parsed.values['both'] === true;
    const encrypt = parsed.values['encrypt'] === true;
    const encrypts = both || encrypt || config?.networks.some(isEncrypted) === true;
    if (parsed.values['rotate-every'] !== undefined && !encrypts) {
      throw new UsageError('--rotate-every goes with --encrypt, --both, or a config with an encrypted network');
    }
    const ways: Topology[] = [];
    if (both || (!encrypt && config === undefined)) ways.push(clear(topology));
    else if (!encrypt) ways.push(topology);
    if (both || encrypt) ways.push(encrypted(topology, wanted));
    const runs: ReplayRun[] = [];
    try {
      for (const [i, way] of ways.entries()) {
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
    else printReplay(output, about, runs);
    output.flush();
    const [{ result }] = runs;
    if (config === undefined && result.local > 0 && result.wire.packets === 0) {
      const why =
        'all endpoints that sent are behind one VTEP (frames that are mirrored to a collector look like that)';
      say(`vtep: ${input.name}: no frame left its node: ${why}; --config can say where endpoints are`);
    }
    const wrong = runs.some(
      ({ result: { balanced, changed, missing }, cut, tooLong, lostToWorkers }) =>
        !balanced || changed > 0 || missing > 0 || cut > 0 || tooLong > 0 || lostToWorkers > 0,
    );
    return parsed.values['strict'] === true && wrong ? ExitCode.DataWrong : ExitCode.Done;
  },
};
