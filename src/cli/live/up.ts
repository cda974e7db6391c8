/** `vtep up`: runs this host as a node of an overlay. */
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { STANDARD_STREAM } from '../../capture/file/standard-stream.js';
import { Oversize } from '../../dataplane/index.js';
import { VtepError } from '../../error.js';
import { LiveVtep, MetricsServer, vtepMetrics } from '../../live/index.js';
import { hostAndPort } from '../../live/metrics/metrics-server.js';
import { RingOutcome, type Topology } from '../../overlay/index.js';
import { formatIp } from '../../wire/index.js';
import { AEAD_HELP, aeadOption } from '../options/aead-option.js';
import { oneOf, type ParsedArguments, parseWords, UsageError } from '../arguments.js';
import type { Command } from '../command.js';
import { ConfigLoader } from './config-loader.js';
import { CONFIG_HELP, CONFIG_OPTIONS, configOption } from '../options/config-option.js';
import { DryRun } from './dry-run.js';
import { ExitCode } from '../exit-code.js';
import { LiveCipher } from './live-cipher.js';
import { metricsOption } from '../options/metrics-option.js';
import { endWithoutThreads } from '../process-end.js';
import { withSignals } from '../signals.js';
import { say, TextOutput } from '../text-output.js';
import { upJson, upLines } from './up-report.js';
import { version } from '../version.js';

const HELP = `vtep up --config FILE --node NAME [OPTIONS]

Runs this host as the node NAME of an overlay, until SIGINT or SIGTERM: VXLAN
and ESP over sockets on the node's VTEP address, and a TAP device for each
endpoint of the node, with its MAC, address and MTU (named by its device: or
else its name; in the network namespace of its netns:). Prints a report at the
end. SIGHUP reloads the config; if that fails, it reports why and keeps the
previous one. Needs Linux, root and koffi, except for dry runs of clear
networks.

${CONFIG_HELP}
  --node NAME        the node that this host is
  --state FILE       persists sequence numbers in this file, so that a restart
                     continues them (docs/security.md)
  --oversize MODE    packets that don't fit: inside (ICMP to the sender, or
                     inner fragments), outside (outer fragments) or drop.
                     Default: inside
  --clamp-mss        lowers TCP's maximum segment size to what fits
  --accept-unknown-vteps
                     accepts packets from addresses that aren't nodes of the
                     config (docs/security.md)
  --sockets KIND     system (raw sockets, many packets per system call) or node
                     (node:dgram). Default: system where available
  --inner-checksums MODE
                     verify, or accept checksums that a peer on the same host
                     left unfinished. Default: accept if the VTEP's device is
                     virtual (veth, virtio and the like), verify otherwise
  --metrics [HOST:]PORT
                     serves counters to Prometheus. Default host: loopback
  --frames FILE      dry run without TAP devices: reads frames of the node's
                     endpoints from this capture, at its pace
  --frames-out FILE  dry run: writes frames for the node's endpoints (pcap)
  --speed X          X times the recorded pace. Default: 1
  --for SECONDS      stops after this time; a dry run stops one second after its
                     last frame
${AEAD_HELP}
  --json             one JSON object at the end`;

const MILLISECONDS = 1000;
/** How long a dry run waits for packets after its last frame, in milliseconds. */
const LINGER = 1000;
/** Polling interval for the end, in milliseconds: a single timer can't be set to every time that may be requested. */
const LOOK = 20;
/** How long to wait at the end for the thread that loads a config, in milliseconds. */
const PATIENCE = 5000;
/** How long a reload waits for new devices, in milliseconds; later ones follow. */
const DEVICES = 5000;
const LONGEST = 365 * 86_400;

function numberOption(parsed: ParsedArguments, name: string): number | undefined {
  const text = parsed.values[name];
  if (typeof text !== 'string') return undefined;
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value > 0 && value <= LONGEST)) throw new UsageError(`--${name} takes a positive number`);
  return value;
}

async function topologyOf(parsed: ParsedArguments): Promise<Topology> {
  const topology = await configOption(parsed);
  if (topology === undefined) throw new UsageError('up needs --config FILE; see: vtep up --help');
  return withSwitches(parsed, topology);
}

/** Applies the command line's switches to a topology, at the start and at each reload. */
function withSwitches(parsed: ParsedArguments, topology: Topology): Topology {
  return parsed.values['accept-unknown-vteps'] === true ? { ...topology, acceptUnknownVteps: true } : topology;
}

/** The dry run that the options ask for, if any. */
async function dryRunOf(parsed: ParsedArguments, topology: Topology, node: string): Promise<DryRun | undefined> {
  const { frames, 'frames-out': out } = parsed.values;
  if (typeof frames !== 'string' && typeof out !== 'string') return undefined;
  return DryRun.open(topology, node, {
    ...(typeof frames === 'string' ? { frames } : {}),
    ...(typeof out === 'string' ? { out } : {}),
    speed: numberOption(parsed, 'speed') ?? 1,
  });
}

/** Reports invalid options before anything is opened. */
function checkOptions(parsed: ParsedArguments): void {
  metricsOption(parsed);
  numberOption(parsed, 'for');
  numberOption(parsed, 'speed');
  if (parsed.values['frames-out'] !== STANDARD_STREAM) return;
  throw new UsageError('--frames-out takes a file: the report goes to standard output');
}

/** A VTEP with what the command line adds: reloads, metrics, dry run, report. */
class Up {
  readonly #parsed: ParsedArguments;
  readonly #node: string;
  readonly #vtep: LiveVtep;
  readonly #cipher: LiveCipher;
  readonly #dryRun: DryRun | undefined;
  readonly #ending = new AbortController();
  readonly #ended = once(this.#ending.signal, 'abort');
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

  constructor(parsed: ParsedArguments, node: string, vtep: LiveVtep, cipher: LiveCipher, dryRun: DryRun | undefined) {
    this.#parsed = parsed;
    this.#loader = new ConfigLoader(parsed);
    this.#node = node;
    this.#vtep = vtep;
    this.#cipher = cipher;
    this.#dryRun = dryRun;
  }

  /** Runs until a signal, the time limit, or the end of a dry run. */
  async run(): Promise<void> {
    const end = (): void => this.#ending.abort();
    const address = metricsOption(this.#parsed);
    const server =
      address === undefined
        ? undefined
        : await MetricsServer.listen(
            address,
            () => this.#metrics(),
            (why) => say(`vtep: metrics stopped: ${why}`),
          );
    const timer = setInterval(() => {
      if (this.#isOver()) end();
    }, LOOK);
    try {
      const where = address === undefined ? '' : hostAndPort(address.host, server?.port ?? address.port);
      await withSignals({ SIGINT: end, SIGTERM: end, SIGHUP: () => this.#reloadSoon() }, () => {
        // Said only now: a program that reads it may send a signal immediately.
        this.#announce(where === '' ? '' : `; metrics on http://${where}/metrics`);
        return this.#vtep.run(this.#ending.signal);
      });
    } finally {
      clearInterval(timer);
      server?.close();
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
    const report = { node: this.#node, seconds, counters, endpoints: this.#vtep.node.endpointReports, skipped };
    const output = new TextOutput();
    if (this.#parsed.values['json'] === true) output.json(upJson(report));
    else for (const line of upLines(report)) output.line(line);
    output.flush();
  }

  /** Whether the time is up, or a dry run's frames ended long enough ago. */
  #isOver(): boolean {
    const now = performance.now();
    const seconds = numberOption(this.#parsed, 'for');
    if (seconds !== undefined) return now - this.#began >= seconds * MILLISECONDS;
    if (this.#dryRun?.hasFrames !== true) return false;
    if (!this.#dryRun.port.ended) this.#framesEnded = now;
    return now - this.#framesEnded >= LINGER;
  }

  #metrics(): string {
    const aead = this.#cipher.choice?.aead.name;
    const reloads = { taken: this.#taken, refused: this.#refused };
    return vtepMetrics(this.#vtep, { version: version(), reloads, ...(aead === undefined ? {} : { aead }) });
  }

  #announce(more: string): void {
    const { topology } = this.#vtep.node;
    const here = topology.nodes.find(({ name }) => name === this.#node);
    const address = here === undefined ? '' : formatIp(here.vtep.length === 4 ? 4 : 6, here.vtep);
    const cipher = this.#cipher.choice === undefined ? '' : `; cipher ${this.#cipher.choice.aead.name}`;
    say(
      `vtep: ${this.#node} is up on ${address}, UDP port ${topology.port}, by ${this.#vtep.underlay}${cipher}${more}`,
    );
    for (const [endpoint, port] of this.#vtep.node.ports) say(`vtep: endpoint ${endpoint}: ${port.name}`);
  }

  /** Loads one config at a time; any number of signals meanwhile cause one more load. */
  #reloadSoon(): void {
    this.#signals++;
    this.#reload ??= this.#readAnew();
  }

  #isEnding(): boolean {
    return this.#ending.signal.aborted;
  }

  async #readAnew(): Promise<void> {
    for (let handled = 0; handled !== this.#signals && !this.#isEnding();) {
      handled = this.#signals;
      await this.#readOnce();
    }
    this.#signals = 0;
    this.#reload = undefined;
  }

  async #readOnce(): Promise<void> {
    let topology: Topology;
    try {
      topology = withSwitches(this.#parsed, await this.#loader.load());
    } catch (error) {
      if (!this.#isEnding()) this.#refuse(error as Error);
      return;
    }
    try {
      if (this.#isEnding()) return;
      const outcome = this.#vtep.update(topology);
      topology.ring?.wipe();
      this.#taken++;
      // Packets flow meanwhile. Neither the next reload nor the exit waits for a thousand devices.
      const late = setTimeout(DEVICES, undefined, { ref: false });
      await Promise.race([this.#vtep.devicesSettled(), late, this.#ended]);
      const stale = outcome === RingOutcome.Stale ? '; its key ring is older than the current one, which is kept' : '';
      say(`vtep: configuration reloaded${stale}`);
    } catch (error) {
      if (error instanceof VtepError) {
        this.#refuse(error);
        return;
      }
      this.#failure = error as Error;
      this.#ending.abort();
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
export const upCommand: Command = {
  summary: 'runs this host as a node of an overlay',
  help: HELP,
  async run(args) {
    const parsed = parseWords('up', args, {
      ...CONFIG_OPTIONS,
      node: { type: 'string' },
      state: { type: 'string' },
      oversize: { type: 'string' },
      'clamp-mss': { type: 'boolean' },
      'accept-unknown-vteps': { type: 'boolean' },
      sockets: { type: 'string' },
      'inner-checksums': { type: 'string' },
      metrics: { type: 'string' },
      frames: { type: 'string' },
      'frames-out': { type: 'string' },
      speed: { type: 'string' },
      for: { type: 'string' },
      aead: { type: 'string' },
      json: { type: 'boolean' },
    });
    if (parsed.operands.length > 0) throw new UsageError('up takes no operands; see: vtep up --help');
    const { node } = parsed.values;
    if (typeof node !== 'string') throw new UsageError('up needs --node NAME, the name of this node');
    checkOptions(parsed);
    const oversize = oneOf(parsed, 'oversize', Object.values(Oversize));
    const sockets = oneOf(parsed, 'sockets', ['system', 'node']);
    const checksums = oneOf(parsed, 'inner-checksums', ['verify', 'accept']);
    const topology = await topologyOf(parsed);
    const keyed = topology.ring !== undefined;
    const cipher = new LiveCipher(keyed ? await aeadOption(parsed) : undefined, parsed);
    let vtep: LiveVtep | undefined;
    let dryRun: DryRun | undefined;
    let up: Up | undefined;
    try {
      dryRun = await dryRunOf(parsed, topology, node);
      const port = dryRun?.port;
      vtep = await LiveVtep.open({
        topology,
        node,
        ...cipher.options,
        ...(oversize === undefined ? {} : { oversize }),
        ...(sockets === undefined ? {} : { sockets }),
        ...(checksums === undefined ? {} : { unfinishedChecksums: checksums === 'accept' }),
        clampMss: parsed.values['clamp-mss'] === true,
        ...(port === undefined ? {} : { portOf: () => port }),
        onSaEvent: ({ text }) => say(`vtep: ${text}`),
        onTrouble: (text) => say(`vtep: ${text}`),
      });
      topology.ring?.wipe();
      dryRun?.goBy(vtep.node.tables);
      up = new Up(parsed, node, vtep, cipher, dryRun);
      await up.run();
      up.report();
      dryRun?.finish();
      // Persists the SAs' sequence numbers for the last time.
      vtep.close();
      vtep = undefined;
      return cipher.stateLost ? ExitCode.Unusable : ExitCode.Done;
    } finally {
      vtep?.close();
      dryRun?.close();
      topology.ring?.wipe();
      cipher.close();
      if ((await up?.readsNothing()) === false) endWithoutThreads();
    }
  },
};
