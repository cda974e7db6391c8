/** A joined node with what the command line adds: lines, a screen, metrics, status, and the report. */
import {
  type EndpointReport,
  type LiveNode,
  MetricsServer,
  nodeSections,
  serviceSections,
  type StatusContext,
  type StatusSections,
  type StatusServer,
  vtepMetrics,
} from '../../live/index.js';
import { hostAndPort } from '../../live/internal.js';
import { formatAddress } from '../../overlay/index.js';
import { type JoinedVtep, type JoinedVtepEvent } from '../../swarm/index.js';
import { gossipMetrics, gossipSections, joinedMetrics, joinedSections } from '../../swarm/internal.js';
import { LiveScreen } from '../capture/live-screen.js';
import type { Interruptible } from '../live/interruptible.js';
import { upJson, upLines } from '../live/up-report.js';
import { openStatus } from '../live/up-status.js';
import { outputScreen, warningsScreen } from '../streams.js';
import { say, TextOutput } from '../text-output.js';
import { version } from '../version.js';
import { EventLines, type EventLine } from './join-lines.js';
import type { JoinValues } from './join-options.js';
import { joinLines, type LoggedLine } from './join-screen.js';

/** The reports of endpoints under names for people: their ids are those of gossip. */
function namedReports(node: LiveNode): ReadonlyMap<string, EndpointReport> {
  const named = new Map<string, EndpointReport>();
  for (const [id, report] of node.endpointReports) {
    const endpoint = node.endpoint(id);
    const network = endpoint === undefined ? undefined : node.tables.networks[endpoint.network]?.name;
    const name = endpoint === undefined ? id : `${endpoint.name} on ${network ?? ''}`;
    // Several attachments to one network have one name.
    const ip = endpoint?.ip === undefined ? '' : ` (${formatAddress(endpoint.ip)})`;
    named.set(named.has(name) ? name + ip : name, report);
  }
  return named;
}

const MILLISECONDS = 1000;
const REFRESH_MS = 1000;
/** Polling interval for the end, in milliseconds: a single timer can't be set to every time that may be requested. */
const LOOK_MS = 20;
const MAX_LOG = 100;
const NO_RELOADS = { taken: 0, refused: 0 } as const;
const CTRL_C = '\x03';

/** What ends it, and what it says. */
export class JoinRun {
  readonly #values: JoinValues;
  readonly #aead: string;
  readonly #ending: Interruptible;
  readonly #began = performance.now();
  readonly #lines = new EventLines();
  readonly #log: LoggedLine[] = [];
  #screen: LiveScreen | undefined;
  #sections: StatusSections = new Map();

  /** @param aead name of the cipher */
  constructor(values: JoinValues, aead: string, ending: Interruptible) {
    this.#values = values;
    this.#aead = aead;
    this.#ending = ending;
  }

  /** Says what happened. */
  take(event: JoinedVtepEvent): void {
    for (const line of this.#lines.of(event)) this.tell(line);
  }

  /** Says a line: on standard error, unless the screen is there instead, which has it in its log. */
  tell({ text, style }: EventLine): void {
    this.#log.push({ time: Date.now(), line: text });
    if (this.#log.length > MAX_LOG) this.#log.shift();
    if (this.#screen === undefined || !warningsScreen().terminal) say(`vtep: ${text}`, style);
  }

  /** Runs until it is ended, or the time limit. */
  async run(joined: JoinedVtep): Promise<void> {
    const { metrics: address, status: given } = this.#values;
    this.#sections = this.#sectionsOf(joined);
    let metrics: MetricsServer | undefined;
    let status: StatusServer | undefined;
    const look = setInterval(() => {
      if (this.#isOver()) this.#ending.end();
    }, LOOK_MS);
    const refresh = setInterval(() => this.#draw(), REFRESH_MS);
    try {
      if (address !== undefined) {
        metrics = await MetricsServer.listen(
          address,
          () => this.#metrics(joined),
          (why) => this.tell({ text: `metrics stopped: ${why}`, style: 'yellow' }),
        );
      }
      status = await openStatus({ given, node: joined.name, isDryRun: false }, this.#sections);
      const where = address === undefined ? '' : hostAndPort(address.host, metrics?.port ?? address.port);
      this.#announce(
        joined,
        `${where === '' ? '' : `; metrics on http://${where}/metrics`}${status === undefined ? '' : `; status on ${status.path}`}`,
      );
      this.#openScreen();
      await joined.run(this.#ending.signal);
    } finally {
      clearInterval(look);
      clearInterval(refresh);
      this.#screen?.close();
      this.#screen = undefined;
      metrics?.close();
      status?.close();
    }
  }

  /** Prints the report of a node before it is closed. */
  report(joined: JoinedVtep): void {
    const { vtep } = joined.swarm;
    const seconds = (performance.now() - this.#began) / MILLISECONDS;
    const { counters, node } = vtep;
    const report = { node: joined.name, seconds, counters, endpoints: namedReports(node), skipped: undefined };
    const output = new TextOutput();
    const { node: seen } = joined.report;
    if (this.#values.json) {
      output.json({ ...upJson(report), nodeId: seen?.nodeId ?? null, clusterId: seen?.clusterId ?? null });
    } else {
      for (const line of upLines(report)) output.line(line);
    }
    output.flush();
  }

  #isOver(): boolean {
    const { for: seconds } = this.#values;
    return seconds !== undefined && performance.now() - this.#began >= seconds * MILLISECONDS;
  }

  #announce({ swarm, underlay, name }: JoinedVtep, more: string): void {
    const { vtep, gossip } = swarm;
    const address = underlay === undefined ? '' : formatAddress(underlay.address);
    const mtu = underlay === undefined ? '' : `, MTU ${underlay.mtu}`;
    const { port } = vtep.node.tables;
    const text = `${name} is up on ${address}, UDP port ${port}${mtu}, by ${vtep.underlay}; gossip ${hostAndPort(formatAddress(gossip.endpoint.addr), gossip.endpoint.port)}; cipher ${this.#aead}${more}`;
    this.tell({ text });
  }

  #sectionsOf(joined: JoinedVtep): StatusSections {
    const { swarm } = joined;
    const { vtep } = swarm;
    const context = (): StatusContext => ({
      version: version(),
      aead: this.#aead,
      reloads: NO_RELOADS,
      seconds: (performance.now() - this.#began) / MILLISECONDS,
    });
    return new Map([
      ...nodeSections(vtep, context, vtep.clock),
      ...joinedSections(joined),
      ...gossipSections(() => swarm.latest),
      ...serviceSections(vtep.services, vtep.clock),
      ...vtep.services.sections,
    ]);
  }

  #metrics(joined: JoinedVtep): string {
    const context = { version: version(), reloads: NO_RELOADS, aead: this.#aead };
    const { swarm } = joined;
    return vtepMetrics(swarm.vtep, context) + gossipMetrics(swarm.latest) + joinedMetrics(joined);
  }

  #openScreen(): void {
    const { screen, json } = this.#values;
    if (!screen || json || !outputScreen().terminal || process.env['TERM'] === 'dumb') return;
    this.#screen = new LiveScreen(process.stdout, process.stdin, {
      onKey: (key) => {
        // The terminal sends Ctrl-C as a character while keys are read.
        if (key === 'q' || key === CTRL_C) this.#ending.interrupt();
      },
      onResize: () => this.#draw(),
    });
    this.#screen.open();
    this.#draw();
  }

  #draw(): void {
    if (this.#screen === undefined) return;
    const { rows, columns, hasKeys } = this.#screen;
    const seconds = (performance.now() - this.#began) / MILLISECONDS;
    const view = { sections: this.#sections, log: this.#log, seconds, keys: hasKeys };
    this.#screen.show(joinLines(view, { rows, columns }), outputScreen().colour);
  }
}
