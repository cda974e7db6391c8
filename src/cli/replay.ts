/** `vtep replay`: a capture through the whole data plane and back. */
import { randomFillSync } from 'node:crypto';
import { hkdfSha256 } from '../aead/index.js';
import { OutputFile, PcapWriter } from '../capture/index.js';
import { Oversize } from '../dataplane/index.js';
import { KeyRing, type Network, Profile, type Topology } from '../overlay/index.js';
import { CaptureFrames, ObservedTopology, Replay } from '../replay/index.js';
import { quotedWord } from '../secret-text.js';
import { AEAD_HELP, aeadOption } from './aead-option.js';
import { oneOf, onlyOperand, type ParsedArguments, parseWords, UsageError, wholeNumber } from './arguments.js';
import { openInput, readInput } from './capture-input.js';
import type { Command } from './command.js';
import { CONFIG_HELP, CONFIG_OPTIONS, configOption } from './config-option.js';
import { ExitCode } from './exit-code.js';
import { type KeysOption, readKeysOption } from './keys-option.js';
import { printReplay, type ReplayRun, replayReport } from './replay-report.js';
import { TextOutput } from './text-output.js';

const HELP = `vtep replay FILE [OPTIONS]

Every frame of a capture through a node's way out, a simulated underlay, and the other node's way in; what is delivered
is compared with what was sent, byte for byte. FILE is a capture of containers or of an underlay, clear or encrypted.

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
  --batch N          packets that go through a stage together, 1 to 256; 256
  --loops N          the capture so many times; 1
  --write-wire OUT   the packets as they go onto the wire, as pcap; with --batch 1 each at the time of its frame
  --json             one JSON object instead of a table
  --strict           exit 1 if a frame was lost, changed, or dropped`;

const MIN_FRAME_BYTES = 1600;
/** With fewer, nodes that are one rotation apart don't understand each other. */
const ROTATING_KEYS = 3;

function probability(parsed: ParsedArguments, name: string): number {
  const text = parsed.values[name];
  if (text === undefined) return 0;
  const value = typeof text === 'string' && text.trim() !== '' ? Number(text) : Number.NaN;
  if (!(value >= 0 && value <= 1)) {
    throw new UsageError(`--${name} takes a number from 0 to 1, not ${quotedWord(String(text))}`);
  }
  return value;
}

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

/** One replay of the whole capture. */
async function runOnce(
  path: string,
  observed: ObservedTopology,
  topology: Topology,
  parsed: ParsedArguments,
  keys: KeysOption | undefined,
  wirePath: string | undefined,
): Promise<ReplayRun> {
  const sealed = topology.networks.some(isEncrypted);
  const rotateEvery = sealed ? wholeNumber(parsed, 'rotate-every', 1, 1e9) : undefined;
  if (rotateEvery !== undefined && (topology.ring?.keys.length ?? 0) < ROTATING_KEYS) {
    throw new UsageError(`--rotate-every takes a ring of ${ROTATING_KEYS} keys or more: oldest, current, next`);
  }
  const choice = sealed ? (keys?.choice ?? aeadOption(parsed)) : undefined;
  const seed = wholeNumber(parsed, 'seed', 0, 0xffffffff) ?? 1;
  // What the masks of the IVs are drawn of: the key is made for this run alone, unless a config brings one.
  const random = (bytes: Uint8Array): void => void randomFillSync(bytes);
  const wire = wirePath === undefined ? undefined : new OutputFile(wirePath, path);
  try {
    const writer = wire === undefined ? undefined : new PcapWriter(wire.write, { nanoseconds: true });
    let seconds = 0;
    let nanoseconds = 0;
    const replay = new Replay(topology, {
      oversize: oneOf(parsed, 'oversize', [Oversize.Outside, Oversize.Drop]) ?? Oversize.Outside,
      batchSize: wholeNumber(parsed, 'batch', 1, 256) ?? 256,
      frameBytes: Math.max(MIN_FRAME_BYTES, observed.largestFrame),
      loss: probability(parsed, 'loss'),
      reorder: probability(parsed, 'reorder'),
      duplicate: probability(parsed, 'duplicate'),
      corrupt: probability(parsed, 'corrupt'),
      seed,
      ...(rotateEvery === undefined ? {} : { rotateEvery }),
      ...(choice === undefined ? {} : { cipher: { aead: choice.aead, hkdf: hkdfSha256, random } }),
      ...(writer === undefined
        ? {}
        : {
            onWire: (batch) => {
              for (let i = 0; i < batch.count; i++) {
                const length = batch.end[i] - batch.start[i];
                writer.write(batch.arena.bytes, batch.start[i], length, length, seconds, nanoseconds);
              }
            },
          }),
    });
    let elapsed = 0;
    let withoutFrame = 0;
    let now = 0;
    try {
      for (let loop = wholeNumber(parsed, 'loops', 1, 1e9) ?? 1; loop > 0; loop--) {
        const source = await openInput(path);
        // A further reading goes on where the one before ended.
        let start = Number.NaN;
        const frames = new CaptureFrames(observed.kind, keys?.open().esp, (bytes, from, to, vni, at, fraction) => {
          seconds = at;
          nanoseconds = fraction;
          const time = at + fraction / 1e9;
          if (Number.isNaN(start)) start = time - now;
          // A capture may hold any times; a clock counts up to 2^53.
          now = Math.min(Number.MAX_SAFE_INTEGER, Math.max(now, time - start));
          replay.send(bytes, from, to, vni, now);
        });
        await readInput(source, (batch) => {
          const began = performance.now();
          frames.add(batch);
          elapsed += performance.now() - began;
        });
        withoutFrame += frames.withoutFrame;
      }
      const began = performance.now();
      replay.flush();
      elapsed += performance.now() - began;
    } finally {
      replay.close();
    }
    writer?.flush();
    wire?.commit();
    return {
      encrypted: sealed,
      profile: topology.profile,
      cipher: choice?.aead.name ?? null,
      mtu: topology.nodes[0]?.mtu ?? 0,
      milliseconds: elapsed,
      withoutFrame,
      result: replay.result(),
    };
  } finally {
    wire?.abandon();
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
      'write-wire': text,
      json: flag,
      strict: flag,
    });
    const path = onlyOperand('replay', parsed, 'a capture file');
    if (path === '-')
      throw new UsageError('replay reads its file twice, and standard input can be read once; name a file');
    const profile = oneOf(parsed, 'profile', Object.values(Profile));
    const mtu = wholeNumber(parsed, 'mtu', 576, 65_535);
    const config = configOption(parsed);
    const keys = readKeysOption(parsed, true);
    const observed = new ObservedTopology(keys === undefined ? {} : { esp: keys.open().esp });
    const first = await openInput(path);
    await readInput(first, (batch) => observed.add(batch));
    let topology =
      config ??
      observed.topology({ profile: profile ?? Profile.Swarm, encrypted: false, mtu: mtu ?? 1500, ring: undefined });
    if (topology.nodes.length === 0 || topology.endpoints.length === 0) {
      throw new UsageError(`${path}: it holds no frame of a container, so there is nothing to replay`);
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
        runs.push(await runOnce(path, observed, way, parsed, keys, last ? wirePath : undefined));
      }
    } finally {
      for (const { ring } of ways) ring?.wipe();
    }
    keys?.finish();
    const output = new TextOutput();
    const about = { file: path, kind: observed.kind, topology };
    if (parsed.values['json'] === true) output.line(JSON.stringify(replayReport(about, runs), null, 2));
    else printReplay(output, about, runs);
    output.flush();
    const wrong = runs.some(({ result }) => !result.balanced || result.changed > 0 || result.missing > 0);
    return parsed.values['strict'] === true && wrong ? ExitCode.DataWrong : ExitCode.Done;
  },
};
