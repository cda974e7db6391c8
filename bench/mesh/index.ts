/**
 * The mesh beside haproxy (one thread), nginx (one process), httpxy and http-proxy-3:
 * `npm run bench:mesh [-- --rounds N --seconds S --connections N --only NAME,NAME --namespaces]`. All proxy the same requests to the same
 * backends, in turn in each round, on loopback or, as root with `--namespaces`, from one network namespace to another.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { missingProgram } from '../live/requirements.js';
import { machine, median, printTable } from '../machine.js';
import { NamespaceBench } from '../../test/live/namespaces/namespace-bench.js';
import { type ClientReport, parseWrk } from './client-report.js';
import { type HostAddresses, LARGE, type MeshLoad, SMALL, WEB_SOCKET } from './hosts.js';
import { haproxyBackend, haproxyProxy, nginxProxy } from './programs.js';
import { MeshBenchError, type Place, runIn, Server } from './running.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '32' },
    only: { type: 'string' },
    loopback: { type: 'boolean', default: true },
    namespaces: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const connections = Number(values.connections);
const only = values.only?.split(',');
const MEGABYTE = 1e6;
const WARM_UP_SECONDS = 1;
/** Connections that large responses come by. */
const FEW = 8;

/** What a proxy did in a round. */
interface Round extends ClientReport {
  /** CPU time of the proxy per request, in microseconds. */
  readonly cpu: number;
}

const folder = mkdtempSync(join(tmpdir(), 'vtep-mesh-'));
const bench = values.namespaces ? new NamespaceBench() : undefined;
const base = 20_000 + (process.pid % 10_000);
const absent = new Map(
  (
    [
      ['haproxy', 'haproxy'],
      ['nginx', 'nginx-light'],
      ['wrk', 'wrk'],
    ] as const
  ).map(([program, from]) => [program as string, missingProgram(program, from)]),
);
const [serving, asking, host] = places();
const open: Server[] = [];

try {
  for (const why of absent.values()) if (why !== undefined) print(why);
  const proxies = await start();
  print(`${machine()}; ${bench === undefined ? 'loopback' : 'two network namespaces'}`);
  print(`${rounds} rounds of ${seconds} s for each, in turn. CPU is that of the proxy.`);
  const client = absent.get('wrk') === undefined ? 'wrk' : 'node:net';
  print(`\nResponses of ${SMALL.bytes} bytes by ${connections} connections of ${client}:\n`);
  await measure(proxies, (proxy, length) => ask(proxy, SMALL, connections, length), ['requests/s', rate, 'request']);
  print(`\nResponses of ${LARGE.bytes / MEGABYTE} MB by ${FEW} connections:\n`);
  const megabytes = ({ perSecond }: Round): string => ((perSecond * LARGE.bytes) / MEGABYTE).toFixed(0);
  await measure(proxies, (proxy, length) => ask(proxy, LARGE, FEW, length), ['MB/s', megabytes, 'MB']);
  print(`\nWebSocket, messages of ${WEB_SOCKET.bytes} bytes there and back by ${connections} connections:\n`);
  await measure(proxies, (proxy, length) => own('socket', proxy, WEB_SOCKET, connections, length), [
    'messages/s',
    rate,
    'message',
  ]);
} catch (error) {
  if (!(error instanceof MeshBenchError)) throw error;
  print(`skipped: ${error.message}`);
} finally {
  await Promise.all(open.map((server) => server.close()));
  bench?.close();
  rmSync(folder, { recursive: true, force: true });
}

/** Where proxies are, and where clients and backends; and the address of the proxies and backends. */
function places(): [Place, Place, string] {
  if (bench === undefined) {
    return [{ namespace: undefined, core: 0 }, { namespace: undefined, core: 1 }, '127.0.0.1'];
  }
  const [client, server] = [bench.namespace('client'), bench.namespace('server')];
  bench.link(client, { device: 'c0', addresses: ['10.78.0.1/24'] }, server, {
    device: 's0',
    addresses: ['10.78.0.2/24'],
  });
  return [{ namespace: server.name, core: 0 }, { namespace: client.name, core: 1 }, '10.78.0.2'];
}

function child(name: string): string[] {
  return [process.execPath, fileURLToPath(new URL(`${name}.js`, import.meta.url))];
}

/** A proxy and its port. */
interface Proxy {
  readonly server: Server;
  readonly port: number;
}

/** Starts backends and proxies. One that can't start is named, and left out. */
async function start(): Promise<Proxy[]> {
  // Beside the client: the proxies have their core alone.
  const behind: Place = { namespace: serving.namespace, core: asking.core };
  const [small, large, socket] = [base, base + 1, base + 2];
  const smallBackend =
    absent.get('haproxy') === undefined
      ? haproxyBackend(folder, host, small, SMALL.bytes)
      : [...child('backend-child'), host, String(small), String(SMALL.bytes)];
  open.push(
    await Server.start('backend', behind, small, smallBackend),
    await Server.start('backend', behind, large, [...child('backend-child'), host, String(large), String(LARGE.bytes)]),
    await Server.start('backend', behind, socket, [...child('backend-child'), host, String(socket), '0']),
  );
  const hosts: HostAddresses = {
    [SMALL.host]: [{ host, port: small }],
    [LARGE.host]: [{ host, port: large }],
    [WEB_SOCKET.host]: [{ host, port: socket }],
  };
  const text = JSON.stringify(hosts);
  const words: readonly [string, (port: number) => string[]][] = [
    ['vtep', (port) => [...child('front-child'), host, String(port), text]],
    ['haproxy', (port) => haproxyProxy(folder, host, port, hosts)],
    ['nginx', (port) => nginxProxy(folder, host, port, hosts)],
    ['httpxy', (port) => [...child('library-child'), 'httpxy', host, String(port), text]],
    ['http-proxy-3', (port) => [...child('library-child'), 'http-proxy-3', host, String(port), text]],
  ];
  const proxies: Proxy[] = [];
  for (const [i, [name, wordsFor]] of words.entries()) {
    if (absent.get(name) !== undefined || only?.includes(name) === false) continue;
    const port = base + 10 + i;
    try {
      const server = await Server.start(name, serving, port, wordsFor(port));
      open.push(server);
      proxies.push({ server, port });
    } catch (error) {
      if (!(error instanceof MeshBenchError)) throw error;
      print(`${name} isn't measured: ${error.message}`);
    }
  }
  return proxies;
}

/** Asks by wrk if it is installed. */
async function ask(proxy: Proxy, load: MeshLoad, count: number, length: number): Promise<ClientReport> {
  if (absent.get('wrk') !== undefined) return own('http', proxy, load, count, length);
  const url = `http://${host}:${proxy.port}${load.path}`;
  const words = ['wrk', '--latency', '-t1', `-c${count}`, `-d${length}`, '-H', `Host: ${load.host}`, url];
  const report = parseWrk(await runIn(asking, words));
  if (report === undefined) throw new MeshBenchError('FAILED', 'wrk prints something else');
  return report;
}

async function own(
  kind: 'http' | 'socket',
  { port }: Proxy,
  load: MeshLoad,
  count: number,
  length: number,
): Promise<ClientReport> {
  const rest = [kind, host, port, load.host, count, length, load.bytes].map(String);
  return JSON.parse(await runIn(asking, [...child('client-child'), ...rest])) as ClientReport;
}

/** Heading of the rate, the rate of a round as text, and what the CPU time is for. */
type Unit = readonly [heading: string, rate: (round: Round) => string, per: string];

async function measure(
  proxies: readonly Proxy[],
  run: (proxy: Proxy, length: number) => Promise<ClientReport>,
  [heading, textOf, per]: Unit,
): Promise<void> {
  const results = proxies.map((): Round[] => []);
  for (let round = -1; round < rounds; round++) {
    for (const [i, proxy] of proxies.entries()) {
      const before = proxy.server.cpu;
      const report = await run(proxy, round < 0 ? WARM_UP_SECONDS : seconds);
      const cpu = (1e6 * (proxy.server.cpu - before)) / report.requests;
      if (round >= 0) results[i].push({ ...report, cpu });
    }
  }
  const reference = results.at(proxies.findIndex(({ server }) => server.name === 'haproxy'));
  const hasReference = proxies.some(({ server }) => server.name === 'haproxy');
  printTable(
    ['', heading, 'of haproxy', `us/${per}`, 'p50 ms', 'p99 ms', 'failed'],
    proxies.map(({ server }, i) => {
      const all = results[i];
      const of = (value: (round: Round) => number): number => median(all.map(value));
      const middle = { ...all[0], perSecond: of(({ perSecond }) => perSecond) };
      // Of each round, so that a slow moment of the machine affects both.
      const ratio = median(all.map(({ perSecond }, k) => perSecond / (reference?.[k].perSecond ?? Number.NaN)));
      return [
        server.name,
        textOf(middle),
        hasReference ? `${(100 * ratio).toFixed(0)} %` : '-',
        of(({ cpu }) => cpu).toFixed(1),
        of(({ p50 }) => p50).toFixed(2),
        of(({ p99 }) => p99).toFixed(2),
        String(all.reduce((sum, { failed }) => sum + failed, 0)),
      ];
    }),
  );
}

function rate({ perSecond }: Round): string {
  return Math.round(perSecond).toLocaleString('en');
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
