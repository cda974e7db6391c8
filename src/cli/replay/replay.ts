/** `vtep replay`: runs a capture through the whole data plane and back. */
import { randomFillSync } from 'node:crypto';
import { STANDARD_STREAM } from '../../capture/file/standard-stream.js';
import { KeyRing, type Network, Profile, type Topology } from '../../overlay/index.js';
import { declare } from '../command.js';
import { ExitCode } from '../exit-code.js';
import { isInterrupted, stopReadingOnInterrupt } from '../interruption.js';
import { configOption } from '../options/config-option.js';
import { captureOperand } from '../options/declared.js';
import { readKeysOption } from '../options/keys-option.js';
import { learnOption } from '../options/learn-option.js';
import { CaptureKind, type ObservedTopology } from '../../replay/index.js';
import { fileInput, streamInput } from './replay-input.js';
import { REPLAY_OPTIONS } from './replay-options.js';
import { printReplay, type ReplayRun, replayReport } from './replay-report.js';
import { checkWorkers, runReplay } from './replay-run.js';
import { grouped } from '../table.js';
import { say, TextOutput } from '../text-output.js';
import { UsageError } from '../usage-error.js';

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
export const replayCommand = declare({
  usage: ['FILE [OPTIONS]'],
  description: [
    "Runs every frame of a capture through one node's egress, a simulated underlay and the other node's ingress, and " +
      'compares what is delivered with what was sent, byte by byte. The capture may be of containers or of an underlay, ' +
      'clear or encrypted. Without --config, the network is learned from the capture.',
    'Standard input needs --config, is read once, and limits frames to 9,230 bytes; its first 1,024 packets decide ' +
      'whether it is of containers or of an underlay.',
  ],
  operand: captureOperand(),
  options: REPLAY_OPTIONS,
  examples: [
    ['vtep replay wire.pcap --both', 'whether the data plane delivers every frame unchanged'],
    ['vtep replay inner.pcap --config overlay.yaml --loss 0.01 --seed 7', 'the same over a lossy underlay'],
    ['vtep replay wire.pcap --encrypt --write-wire sealed.pcap', 'encrypt a clear capture'],
  ],
  async run(values, [path]) {
    const { profile, mtu, both, encrypt, writeWire, verbose, json } = values;
    checkWorkers(values);
    // A capture of the wire would be incomplete, and JSON is for programs, which expect all of it.
    if (!json && writeWire === undefined) stopReadingOnInterrupt();
    const described = await configOption(values);
    const keys = await readKeysOption(values, true, values.learn !== undefined);
    if (described !== undefined && values.learn !== undefined) {
      throw new UsageError('--learn and a description of the network are mutually exclusive');
    }
    const config =
      described ??
      (await learnOption(values.learn, {
        capture: path,
        gossip: keys?.openGossip(),
        esp: keys?.openEsp()?.esp,
        ring: keys?.ring?.ring.copy(),
        profile: profile ?? Profile.Swarm,
        mtu: mtu ?? 1500,
      }));
    const esp = keys?.openEsp()?.esp;
    const input =
      path === STANDARD_STREAM ? await streamInput(esp, values, config !== undefined) : await fileInput(path, esp);
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
    const encrypts = both || encrypt || config?.networks.some(isEncrypted) === true;
    if (values.rotateEvery !== undefined && !encrypts) {
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
        runs.push(await runReplay({ path, input, values, keys }, way, last ? writeWire : undefined));
      }
    } finally {
      for (const { ring } of ways) ring?.wipe();
    }
    keys?.finish();
    const output = new TextOutput();
    const about = { file: input.name, kind: observed.kind, vteps: observed.vteps, topology };
    if (json) output.json(replayReport(about, runs));
    else printReplay(output, about, runs, verbose);
    output.flush();
    const [{ result }] = runs;
    if (config === undefined && result.local > 0 && result.wire.packets === 0) {
      const why = 'all sending endpoints are behind one VTEP (frames mirrored to a collector look like that)';
      say(`vtep: ${input.name}: no frame left its node: ${why}; --config can assign endpoints to nodes`);
    }
    const astray = config !== undefined && result.frames > 0 && result.exact + result.changed + result.local === 0;
    if (astray && result.wire.packets === 0) {
      const why = "the endpoints of the config aren't those of the capture";
      say(`vtep: ${input.name}: no frame was delivered: ${why}; without --config, they are learned from it`);
    }
    const wrong =
      astray ||
      runs.some(
        ({ result: { balanced, changed, missing }, cut, tooLong, lostToWorkers }) =>
          !balanced || changed > 0 || missing > 0 || cut > 0 || tooLong > 0 || lostToWorkers > 0,
      );
    return values.strict && wrong ? ExitCode.DataWrong : ExitCode.Done;
  },
});
