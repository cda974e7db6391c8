/** `vtep up`: runs this host as a node of an overlay. */
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { STANDARD_STREAM } from '../../capture/file/standard-stream.js';
import { VtepError } from '../../error.js';
import {
  LiveVtep,
  type MeshOverrides,
  MetricsServer,
  nodeSections,
  serviceSections,
  type StatusContext,
  type StatusSections,
  type StatusServer,
  vtepMetrics,
} from '../../live/index.js';
import { hostAndPort, MAX_LIVE_WORKERS } from '../../live/internal.js';
import { formatAddress, RingOutcome, type SaEvent, type Topology } from '../../overlay/index.js';
import { declare } from '../command.js';
import { ConfigLoader, type Loaded } from './config-loader.js';
import { DryRun } from './dry-run.js';
import { ExitCode } from '../exit-code.js';
import { optimizeEarly } from './early-optimization.js';
import { GossipNode } from './gossip-node.js';
import { Interruptible } from './interruptible.js';
import { LiveCipher } from './live-cipher.js';
import { LONGEST_SECONDS, MICROSECONDS, PACKET_OPTIONS, RUN_OPTIONS, SOCKET_OPTIONS } from './live-options.js';
import { aeadOption } from '../options/aead-option.js';
import { CONFIG_OPTIONS, configOption } from '../options/config-option.js';
import { flag, option, type Values } from '../options/declared.js';
import { MESH_OPTIONS, meshOverrides, readMeshFile } from '../options/mesh-options.js';
import { GOSSIP_OPTIONS } from '../options/gossip-option.js';
import { decimal, file, integer } from '../options/value-kinds.js';
import { endWithoutThreads } from '../process-end.js';
import { withSignals } from '../signals.js';
import { say, TextOutput } from '../text-output.js';
import { UsageError } from '../usage-error.js';
import { upJson, upLines } from './up-report.js';
import { nodeInStore, readKeks, StoreNode } from './store-node.js';
import { ConfiguredNode, type UpNode } from './up-node.js';
import { checkNoStore, ownVtepOption, STORE_NODE_OPTIONS, usesStore } from './up-store-options.js';
import { openStatus, statusOption } from './up-status.js';
import { version } from '../version.js';

const DRY_RUN = 'Dry run, without TAP devices';

const OPTIONS = {
  node: option('--node NAME', 'the node that this host is').need(),
  ...CONFIG_OPTIONS,
  vtep: ownVtepOption,
  ...GOSSIP_OPTIONS,
  ...STORE_NODE_OPTIONS,
  state: option(
    '--state FILE',
    'persist sequence numbers in this file, so that a restart continues them (docs/security.md)',
    file,
  ),
  ...PACKET_OPTIONS,
  acceptUnknownVteps: flag(
    '--accept-unknown-vteps',
    "accept packets from addresses that aren't nodes of the config (docs/security.md)",
  ),
  ...SOCKET_OPTIONS,
  workers: option(
    '--workers N',
    `process packets in N threads, at most ${MAX_LIVE_WORKERS} (docs/live.md)`,
    integer(1, MAX_LIVE_WORKERS),
  ).or(1),
  ...RUN_OPTIONS,
  ...MESH_OPTIONS,
  status: statusOption('; off in a dry run'),
  frames: option(
    '--frames FILE',
    "read frames of the node's endpoints from this capture, at its rate; stop one second after the last one",
    file,
  ).under(DRY_RUN),
  framesOut: option('--frames-out FILE', "write the frames for the node's endpoints (pcap)", file).under(DRY_RUN),
  speed: option('--speed X', 'X times the captured rate', decimal(0.001, LONGEST_SECONDS)).or(1).under(DRY_RUN),
};

type UpValues = Values<typeof OPTIONS>;

const MILLISECONDS = 1000;
/** How long a dry run waits for packets after its last frame, in milliseconds. */
const LINGER = 1000;
/** Polling interval for the end, in milliseconds: a single timer can't be set to every time that may be requested. */
const LOOK = 20;
/** How long to wait at the end for the thread that loads a config, in milliseconds. */
const PATIENCE = 5000;
/** How long a reload waits for new devices, in milliseconds; later ones follow. */
const DEVICES = 5000;

async function topologyOf(values: UpValues): Promise<Topology> {
  checkNoStore(values);
  const topology = await configOption({ ...values, member: memberOf(values) });
  if (topology === undefined) throw new UsageError('up needs --config FILE or --store ADDRESS; see: vtep up --help');
  return withSwitches(values, topology);
}

/** The name of the node, if it learns the others from gossip. */
function memberOf({ node, gossip, gossipKeys, advertiseAddr, frames, framesOut }: UpValues): string | undefined {
  if (gossip.length === 0) {
    if (gossipKeys !== undefined) throw new UsageError('--gossip-keys needs --gossip');
    if (advertiseAddr !== undefined) throw new UsageError('--advertise-addr needs --gossip');
    return undefined;
  }
  if (frames !== undefined || framesOut !== undefined) throw new UsageError('--gossip has no dry run');
  return node;
}

/** Rejects options that several workers can't have. */
function checkWorkers({ workers, sockets, state, frames, framesOut }: UpValues): void {
  if (workers === 1) return;
  const other =
    sockets === 'node'
      ? '--sockets node'
      : state !== undefined
        ? '--state'
        : frames !== undefined || framesOut !== undefined
          ? 'a dry run'
          : undefined;
  if (other !== undefined) throw new UsageError(`${other} needs a single worker; omit --workers`);
}

/** What the node has of the HTTP mesh of its own. Gossip has no settings of it: those of the config are the node's. */
function ownMesh(values: UpValues, { topology, mesh }: Loaded): MeshOverrides {
  return meshOverrides(values, mesh ?? (values.gossip.length > 0 ? topology?.services?.mesh : undefined));
}

/** Whether options of the mesh were given. */
function hasMesh({ mesh, meshDebug, meshLog }: UpValues): boolean {
  return mesh !== undefined || meshDebug || meshLog !== undefined;
}

/** Applies the command line's switches to a topology, at the start and at each reload. */
function withSwitches({ acceptUnknownVteps }: UpValues, topology: Topology): Topology {
  return acceptUnknownVteps ? { ...topology, acceptUnknownVteps } : topology;
}

/** The dry run that the options ask for, if any. */
async function dryRunOf(values: UpValues, topology: Topology): Promise<DryRun | undefined> {
  const { node, frames, framesOut: out, speed } = values;
  if (frames === undefined && out === undefined) return undefined;
  if (hasMesh(values)) throw new UsageError('a dry run has no HTTP mesh; omit --mesh, --mesh-debug and --mesh-log');
  return DryRun.open(topology, node, {
    ...(frames === undefined ? {} : { frames }),
    ...(out === undefined ? {} : { out }),
    speed,
  });
}

/** A VTEP with what the command line adds: reloads, metrics, dry run, report. */
class Up {
  readonly #values: UpValues;
  readonly #node: UpNode;
  readonly #vtep: LiveVtep;
  readonly #cipher: LiveCipher;
  readonly #dryRun: DryRun | undefined;
  readonly #ending: Interruptible;
  readonly #ended: Promise<unknown>;
  readonly #began = performance.now();
  #framesEnded = this.#began;
  #taken = 0;
  #refused = 0;
  readonly #loader: ConfigLoader;
  /** Set while a config is loading. */
  #reload: Promise<void> | undefined;
  /** Signals since then. */
  #signals = 0;
  /** An internal error while applying a config: the node may have half of it. */
  #failure: Error | undefined;

  /** @param ending ends it; the signals' handlers may do so before it runs */
  constructor(values: UpValues, node: UpNode, cipher: LiveCipher, dryRun: DryRun | undefined, ending: Interruptible) {
    this.#ending = ending;
    this.#ended = once(ending.signal, 'abort');
    this.#values = values;
    this.#loader = new ConfigLoader({ ...values, member: memberOf(values) });
    this.#node = node;
    this.#vtep = node.vtep;
    this.#cipher = cipher;
    this.#dryRun = dryRun;
  }

  /** Runs until it is ended, the time limit, or the end of a dry run. */
  async run(): Promise<void> {
    const end = (): void => this.#ending.end();
    const address = this.#values.metrics;
    const server =
      address === undefined
        ? undefined
        : await MetricsServer.listen(
            address,
            () => this.#metrics(),
            (why) => say(`vtep: metrics stopped: ${why}`),
          );
    let status: StatusServer | undefined;
    const timer = setInterval(() => {
      if (this.#isOver()) end();
    }, LOOK);
    try {
      const { status: given, node } = this.#values;
      status = await openStatus({ given, node, isDryRun: this.#dryRun !== undefined }, this.#sections());
      const where = address === undefined ? '' : hostAndPort(address.host, server?.port ?? address.port);
      const metrics = where === '' ? '' : `; metrics on http://${where}/metrics`;
      this.#announce(`${metrics}${status === undefined ? '' : `; status on ${status.path}`}`);
      this.#awaitReload();
      await this.#node.run(this.#ending.signal);
    } finally {
      clearInterval(timer);
      server?.close();
      status?.close();
      // Also if a socket failed: no config is loaded from now on.
      end();
      this.#loader.close();
      await this.#reload;
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Waits until no config is loading; false if one is stuck, as on a dead file system, which would block our exit. */
  readsNothing(): Promise<boolean> {
    return this.#loader.ended(PATIENCE);
  }

  /** Prints the report. */
  report(): void {
    const { counters } = this.#vtep;
    const seconds = (performance.now() - this.#began) / MILLISECONDS;
    const dryRun = this.#dryRun;
    const skipped = dryRun?.hasFrames === true ? dryRun.port.skipped : undefined;
    const report = { node: this.#values.node, seconds, counters, endpoints: this.#node.endpointReports, skipped };
    const output = new TextOutput();
    if (this.#values.json) output.json(upJson(report));
    else for (const line of upLines(report)) output.line(line);
    output.flush();
  }

  /** Whether the time is up, or a dry run's frames ended long enough ago. */
  #isOver(): boolean {
    const now = performance.now();
    const { for: seconds } = this.#values;
    if (seconds !== undefined) return now - this.#began >= seconds * MILLISECONDS;
    if (this.#dryRun?.hasFrames !== true) return false;
    if (!this.#dryRun.port.ended) this.#framesEnded = now;
    return now - this.#framesEnded >= LINGER;
  }

  #metrics(): string {
    const aead = this.#cipher.choice?.aead.name;
    const reloads = { taken: this.#taken, refused: this.#refused };
    const own = vtepMetrics(this.#vtep, { version: version(), reloads, ...(aead === undefined ? {} : { aead }) });
    return own + this.#node.metrics();
  }

  #sections(): StatusSections {
    const context = (): StatusContext => ({
      version: version(),
      aead: this.#cipher.choice?.aead.name,
      reloads: { taken: this.#taken, refused: this.#refused },
      seconds: (performance.now() - this.#began) / MILLISECONDS,
    });
    const { clock } = this.#vtep;
    const { services } = this.#vtep;
    return new Map([
      ...nodeSections(this.#vtep, context, clock),
      ...serviceSections(services, clock),
      ...services.sections,
      ...this.#node.sections,
    ]);
  }

  #announce(more: string): void {
    const { topology } = this.#vtep.node;
    const { node } = this.#values;
    const here = topology.nodes.find(({ name }) => name === node);
    const address = here === undefined ? '' : formatAddress(here.vtep);
    const cipher = this.#cipher.choice === undefined ? '' : `; cipher ${this.#cipher.choice.aead.name}`;
    say(`vtep: ${node} is up on ${address}, UDP port ${topology.port}, by ${this.#vtep.underlay}${cipher}${more}`);
    for (const line of this.#node.lines) say(`vtep: ${line}`);
  }

  /** Loads one config at a time; any number of signals meanwhile cause one more load. */
  reloadSoon(): void {
    if (this.#node instanceof StoreNode && !hasMesh(this.#values)) {
      say('vtep: nothing to reload: the node follows its store');
      return;
    }
    this.#signals++;
    this.#reload ??= this.#reloadUntilCurrent();
  }

  #isEnding(): boolean {
    return this.#ending.signal.aborted;
  }

  async #reloadUntilCurrent(): Promise<void> {
    for (let handled = 0; handled !== this.#signals && !this.#isEnding();) {
      handled = this.#signals;
      await this.#reloadOnce();
    }
    this.#awaitReload();
    this.#signals = 0;
    this.#reload = undefined;
  }

  /** Routes of requests are changed while people look on: a node with a mesh has the thread that reads them ready. */
  #awaitReload(): void {
    const hasMesh = this.#vtep.services.parts.some(({ name, lines }) => name === 'mesh' && lines.length > 0);
    if (hasMesh) this.#loader.startAhead();
  }

  async #reloadOnce(): Promise<void> {
    let loaded: Loaded;
    try {
      loaded = await this.#loader.load();
    } catch (error) {
      if (!this.#isEnding()) this.#refuse(error as Error);
      return;
    }
    const mesh = ownMesh(this.#values, loaded);
    if (loaded.topology === undefined) {
      this.#vtep.overrideMesh(mesh);
      this.#taken++;
      say('vtep: the settings of the HTTP mesh were reloaded; all else follows the store');
      return;
    }
    const topology = withSwitches(this.#values, loaded.topology);
    try {
      if (this.#isEnding()) return;
      const outcome = await this.#node.update(topology);
      this.#vtep.overrideMesh(mesh);
      topology.ring?.wipe();
      this.#taken++;
      // Packets flow meanwhile. Neither the next reload nor the exit waits for a thousand devices.
      const late = setTimeout(DEVICES, undefined, { ref: false });
      await Promise.race([this.#node.devicesSettled(), late, this.#ended]);
      const stale = outcome === RingOutcome.Stale ? '; its key ring is older than the current one, which is kept' : '';
      say(`vtep: configuration reloaded${stale}`);
    } catch (error) {
      if (error instanceof VtepError) {
        this.#refuse(error);
        return;
      }
      this.#failure = error as Error;
      this.#ending.end();
    } finally {
      topology.ring?.wipe();
    }
  }

  #refuse({ message }: Error): void {
    this.#refused++;
    say(`vtep: reload failed, keeping the previous configuration: ${message}`);
  }
}

/** `vtep up`. */
export const upCommand = declare({
  usage: ['--config FILE --node NAME [OPTIONS]', '--store ADDRESS --node NAME --vtep IP [OPTIONS]'],
  description: [
    "Runs this host as the node NAME of an overlay, until SIGINT or SIGTERM: VXLAN and ESP over sockets on the node's " +
      'VTEP address, and a TAP device for each endpoint of the node, with its MAC, address and MTU (named by its device: ' +
      'or else its name; in the network namespace of its netns:). Prints a report at the end. SIGHUP reloads the config; ' +
      'if that fails, it reports why and keeps the previous one. Needs Linux, root and koffi, except for dry runs of ' +
      'clear networks.',
  ],
  options: OPTIONS,
  examples: [
    [
      'vtep up --config overlay.yaml --node n1 --state n1.state --metrics 9100',
      'run the node n1, with metrics for Prometheus',
    ],
    [
      'vtep up --config n1.yaml --node n1 --gossip 192.168.50.1 --gossip-keys gossip.keys',
      'learn the other nodes from gossip',
    ],
    [
      'vtep up --store nats://10.0.0.5:4222/prod --node n1 --vtep 192.168.50.1 --kek /etc/vtep/kek',
      'follow a store, which vtep network and endpoint write to (docs/fleet.md)',
    ],
  ],
  fails: 'the last write of --state failed',
  async run(values) {
    const { node, oversize, busyPoll, sockets, innerChecksums, clampMss, framesOut, workers } = values;
    if (framesOut === STANDARD_STREAM) {
      throw new UsageError('--frames-out takes a file: the report goes to standard output');
    }
    checkWorkers(values);
    const store = usesStore(values);
    if (store) nodeInStore(values);
    const topology = store ? undefined : await topologyOf(values);
    const mesh = ownMesh(values, { topology, mesh: await readMeshFile(values.mesh) });
    const keks = store ? readKeks(values) : [];
    const keyed = topology?.ring !== undefined || keks.length > 0;
    optimizeEarly();
    const cipher = new LiveCipher(keyed ? await aeadOption(values.aead) : undefined, values.state);
    const ending = new Interruptible();
    const interrupt = (): void => ending.interrupt();
    let dryRun: DryRun | undefined;
    let up: Up | undefined;
    const run = async (): Promise<number> => {
      const port = dryRun?.port;
      const options = {
        ...cipher.options,
        oversize,
        busyPoll: busyPoll / MICROSECONDS,
        ...(sockets === undefined ? {} : { sockets }),
        ...(innerChecksums === undefined ? {} : { partialChecksums: innerChecksums === 'accept' }),
        clampMss,
        workers,
        ...mesh,
        endAtOnce: ending.atOnce,
        ...(port === undefined ? {} : { portOf: () => port }),
        onSaEvent: ({ text }: SaEvent) => say(`vtep: ${text}`),
        onTrouble: (text: string) => say(`vtep: ${text}`),
      };
      const running =
        topology === undefined
          ? await StoreNode.open(values, keks, options, ending.signal)
          : values.gossip.length > 0
            ? await GossipNode.open(topology, values, options)
            : new ConfiguredNode(await LiveVtep.open({ topology, node, ...options }));
      if (running === undefined) return ExitCode.Done;
      try {
        topology?.ring?.wipe();
        dryRun?.useTables(running.vtep.node.tables);
        up = new Up(values, running, cipher, dryRun, ending);
        await up.run();
        up.report();
        dryRun?.finish();
      } finally {
        // Persists the SAs' sequence numbers for the last time.
        await running.close();
      }
      return cipher.stateLost ? ExitCode.Unusable : ExitCode.Done;
    };
    try {
      dryRun = topology && (await dryRunOf(values, topology));
      // From before the start, which changes the host, until everything is undone.
      return await withSignals({ SIGINT: interrupt, SIGTERM: interrupt, SIGHUP: () => up?.reloadSoon() }, run);
    } finally {
      dryRun?.close();
      topology?.ring?.wipe();
      for (const kek of keks) kek.wipe();
      cipher.close();
      if ((await up?.readsNothing()) === false) endWithoutThreads();
    }
  },
});
