/** `vtep up`: this host as a node of an overlay. */
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { STANDARD_STREAM } from '../capture/standard-stream.js';
import { Oversize } from '../dataplane/index.js';
import { VtepError } from '../error.js';
import { LiveVtep, MetricsServer, vtepMetrics } from '../live/index.js';
import { hostAndPort } from '../live/metrics-server.js';
import { RingOutcome, type Topology } from '../overlay/index.js';
import { formatIp } from '../wire/index.js';
import { AEAD_HELP, aeadOption } from './aead-option.js';
import { oneOf, type ParsedArguments, parseWords, UsageError } from './arguments.js';
import type { Command } from './command.js';
import { ConfigLoader } from './config-loader.js';
import { CONFIG_HELP, CONFIG_OPTIONS, configOption } from './config-option.js';
import { DryRun } from './dry-run.js';
import { ExitCode } from './exit-code.js';
import { LiveCipher } from './live-cipher.js';
import { metricsOption } from './metrics-option.js';
import { endWithoutThreads } from './process-end.js';
import { withSignals } from './signals.js';
import { say, TextOutput } from './text-output.js';
import { upJson, upLines } from './up-report.js';
import { version } from './version.js';

const HELP = `vtep up --config FILE --node NAME [OPTIONS]

This host as the node NAME of an overlay, until SIGINT or SIGTERM: VXLAN and ESP over sockets of the node's VTEP address,
a TAP device for each endpoint of the node (its device: or else its name; in the network namespace of its netns:) with
its MAC, address and MTU. It prints what it did at its end. SIGHUP reads the config anew: what is wrong with it is said,
and the one before stays. Needs Linux, root and koffi; clear networks in a dry run need none of them.

${CONFIG_HELP}
  --node NAME        which node this host is
  --state FILE       keeps sequence numbers there, so that a restart goes on where it stood (docs/security.md)
  --oversize WORD    what doesn't fit: inside (ICMP to the sender, or inner fragments; the default), outside (outer
                     fragments) or drop
  --clamp-mss        lowers TCP's maximum segment size to what fits
  --accept-unknown-vteps  takes packets from addresses that are no node of the config (docs/security.md)
  --sockets WORD     system (raw sockets, many packets a call; the default where there are) or node (node:dgram)
  --inner-checksums WORD  verify (the default where the VTEP's device is hardware), or accept those that a peer on the
                     same host left unfinished (the default on veth, virtio and the like)
  --metrics [HOST:]PORT  serves counters to Prometheus there, on loopback if no host is said
  --frames FILE      dry run: no TAP devices; frames of the node's endpoints come from this capture, at its pace
  --frames-out FILE  dry run: frames for the node's endpoints go there (pcap)
  --speed X          how much faster than it was recorded; 1
  --for SECONDS      ends by itself; a dry run ends a second after its last frame
${AEAD_HELP}
  --json             one JSON object at the end`;

const MILLISECONDS = 1000;
/** A dry run's packets have so long to come back, in milliseconds. */
const LINGER = 1000;
/** How often it is looked whether that is so. A timer of its own could not be set to all of the times that may be asked for. */
const LOOK = 20;
/** Milliseconds that a thread which reads a config gets to end, when all else is over. */
const PATIENCE = 5000;
/** Milliseconds that new devices get to be there when a config counts as taken over; any more follow. */
const DEVICES = 5000;
const LONGEST = 365 * 86_400;

function numberOption(parsed: ParsedArguments, name: string): number | undefined {
  const text = parsed.values[name];
  if (typeof text !== 'string') return undefined;
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value > 0 && value <= LONGEST)) throw new UsageError(`--${name} takes a number above 0`);
  return value;
}

async function topologyOf(parsed: ParsedArguments): Promise<Topology> {
  const topology = await configOption(parsed);
  if (topology === undefined) throw new UsageError('up needs --config FILE; see: vtep up --help');
  return withSwitches(parsed, topology);
}

/** A topology with what the command line says in addition to the config, at the start and at each reload. */
function withSwitches(parsed: ParsedArguments, topology: Topology): Topology {
  return parsed.values['accept-unknown-vteps'] === true ? { ...topology, acceptUnknownVteps: true } : topology;
}

/** The dry run that the options say, or none. */
async function dryRunOf(parsed: ParsedArguments, topology: Topology, node: string): Promise<DryRun | undefined> {
  const { frames, 'frames-out': out } = parsed.values;
  if (typeof frames !== 'string' && typeof out !== 'string') return undefined;
  return DryRun.open(topology, node, {
    ...(typeof frames === 'string' ? { frames } : {}),
    ...(typeof out === 'string' ? { out } : {}),
    speed: numberOption(parsed, 'speed') ?? 1,
  });
}

/** What is wrong with the options is said before anything is opened. */
function checkOptions(parsed: ParsedArguments): void {
  metricsOption(parsed);
  numberOption(parsed, 'for');
  numberOption(parsed, 'speed');
  if (parsed.values['frames-out'] !== STANDARD_STREAM) return;
  throw new UsageError('--frames-out takes a file: the report goes to standard output');
}

/** A VTEP with what the command line adds to it. */
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
  /** Set while a config is read. */
  #reload: Promise<void> | undefined;
  /** Signals since that began. */
  #signals = 0;
  /** What went wrong inside while a config was taken over: the node may be between two. */
  #failure: Error | undefined;

  constructor(parsed: ParsedArguments, node: string, vtep: LiveVtep, cipher: LiveCipher, dryRun: DryRun | undefined) {
    this.#parsed = parsed;
    this.#loader = new ConfigLoader(parsed);
    this.#node = node;
    this.#vtep = vtep;
    this.#cipher = cipher;
    this.#dryRun = dryRun;
  }

  /** Runs until it is ended: by a signal, the time, or the end of a dry run. */
  async run(): Promise<void> {
    const end = (): void => this.#ending.abort();
    const address = metricsOption(this.#parsed);
    const server =
      address === undefined
        ? undefined
        : await MetricsServer.listen(
            address,
            () => this.#metrics(),
            (why) => say(`vtep: there are no metrics any more: ${why}`),
          );
    const timer = setInterval(() => {
      if (this.#isOver()) end();
    }, LOOK);
    try {
      const where = address === undefined ? '' : hostAndPort(address.host, server?.port ?? address.port);
      await withSignals({ SIGINT: end, SIGTERM: end, SIGHUP: () => this.#reloadSoon() }, () => {
        // Whoever reads it may send a signal at once.
        this.#announce(where === '' ? '' : `; metrics on http://${where}/metrics`);
        return this.#vtep.run(this.#ending.signal);
      });
    } finally {
      clearInterval(timer);
      server?.close();
      // Also where a socket failed: nothing is read any more.
      end();
      this.#loader.close();
      await this.#reload;
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Whether no config is being read any more. One whose file system doesn't answer would keep this process from ending. */
  readsNothing(): Promise<boolean> {
    return this.#loader.ended(PATIENCE);
  }

  /** Prints what was done. */
  report(): void {
    const { counters } = this.#vtep;
    const seconds = (performance.now() - this.#began) / MILLISECONDS;
    const dryRun = this.#dryRun;
    const passedOver = dryRun?.hasFrames === true ? dryRun.port.passedOver : undefined;
    const report = { node: this.#node, seconds, counters, endpoints: this.#vtep.node.endpointReports, passedOver };
    const output = new TextOutput();
    if (this.#parsed.values['json'] === true) output.json(upJson(report));
    else for (const line of upLines(report)) output.line(line);
    output.flush();
  }

  /** Whether the time is up, or the frames of a dry run are at their end for long enough. */
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

  /** One reading at a time: however many signals come meanwhile, there is one more after it. */
  #reloadSoon(): void {
    this.#signals++;
    this.#reload ??= this.#readAnew();
  }

  #isEnding(): boolean {
    return this.#ending.signal.aborted;
  }

  async #readAnew(): Promise<void> {
    for (let heeded = 0; heeded !== this.#signals && !this.#isEnding();) {
      heeded = this.#signals;
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
      // Packets pass meanwhile. Neither the next reload nor the end waits for a thousand devices.
      const late = setTimeout(DEVICES, undefined, { ref: false });
      await Promise.race([this.#vtep.devicesSettled(), late, this.#ended]);
      const stale =
        outcome === RingOutcome.Stale ? '; its key ring is older than the one that is held, which stays' : '';
      say(`vtep: the config was taken over${stale}`);
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
    say(`vtep: the config was not taken over, and the one before stays: ${message}`);
  }
}

/** `vtep up`. */
export const upCommand: Command = {
  summary: 'this host as a node of the overlay',
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
    if (parsed.operands.length > 0) throw new UsageError('up takes options alone; see: vtep up --help');
    const { node } = parsed.values;
    if (typeof node !== 'string') throw new UsageError('up needs --node NAME, the node that this host is');
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
      // The SAs' numbers are written for the last time here.
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
