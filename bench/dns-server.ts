/**
 * Answers per second over loopback UDP, of vtep's DNS server, dnsmasq and unbound: the same names and the same queries,
 * sent by dnsperf (one socket, 200 queries in flight), in turn in each round. Needs no root.
 *
 *     node dist/bench/dns-server.js [--rounds N] [--seconds N]
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { LiveDns } from '../src/live/index.js';
import { parseIp } from '../src/overlay/index.js';
import { machine, median, printTable, spread } from './machine.js';

const NAMES = 100;
const HOST = '127.0.0.1';
const IN_FLIGHT = 200;
const START_MS = 5000;
/** Clock ticks per second in /proc/PID/stat (USER_HZ), on every architecture that vtep runs on. */
const TICKS = 100;

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '3' } },
});
const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)];
const addressOf = (number: number): string => `10.0.9.${number + 2}`;
const folder = mkdtempSync(join(tmpdir(), 'vtep-dns-'));

/** A DNS server that runs. */
interface Running {
  readonly name: string;
  readonly port: number;
  /** CPU seconds so far. */
  readonly cpu: () => number;
  readonly close: () => Promise<void> | void;
}

/** What a server did in a round. */
interface Round {
  readonly answers: number;
  /** CPU time per answer in microseconds. */
  readonly cpu: number;
}

function file(name: string, lines: readonly string[]): string {
  const path = join(folder, name);
  writeFileSync(path, [...lines, ''].join('\n'));
  return path;
}

const names = Array.from({ length: NAMES }, (_, i) => `web${i}.example`);
const queries = file(
  'queries',
  names.map((name) => `${name} A`),
);

async function startVtep(port: number): Promise<Running> {
  const dns = await LiveDns.start({ address: HOST, port, onFailure: ({ message }) => process.stderr.write(message) });
  dns.setNetwork({ id: 'n', name: 'my-network' });
  names.forEach((name, i) =>
    dns.setRecord({
      network: 'n',
      endpoint: `e${i}`,
      name: `${name}.1.j41qw6u3cnhesobnnafym7p32`,
      addresses: [parseIp(`10.0.10.${i + 2}`)],
      service: { id: `s${i}`, name, vip: parseIp(addressOf(i)) },
    }),
  );
  dns.setEndpoint({ key: 'bench', networks: ['n'], servers: [] });
  await dns.report();
  const cpu = (): number => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  };
  return { name: 'vtep', port, cpu, close: () => dns.close() };
}

function cpuOf({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${String(pid)}/stat`, 'latin1')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

async function startProgram(program: string, port: number, args: readonly string[]): Promise<Running> {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const failed = new Promise<string>((done) => {
    child.once('error', ({ message }) => done(message));
    child.once('exit', () => done(said.trim().split('\n').at(-1) ?? 'exited'));
  });
  const running = { name: program, port, cpu: () => cpuOf(child), close: () => void child.kill() };
  const why = await Promise.race([failed, untilAnswered(port)]);
  if (why === undefined) return running;
  child.kill();
  throw new Error(why);
}

const startDnsmasq = (port: number): Promise<Running> => {
  const hosts = file(
    'hosts',
    names.map((name, i) => `${addressOf(i)} ${name}`),
  );
  const user = process.getuid?.() === 0 ? ['--user=root'] : [];
  return startProgram('dnsmasq', port, [
    ...['--keep-in-foreground', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', `--addn-hosts=${hosts}`, ...user],
    ...['--bind-interfaces', `--listen-address=${HOST}`, `--port=${port}`, `--pid-file=${join(folder, 'dnsmasq.pid')}`],
  ]);
};

const startUnbound = (port: number): Promise<Running> =>
  startProgram('unbound', port, [
    '-d',
    '-c',
    file('unbound.conf', [
      'server:',
      `  interface: ${HOST}@${port}`,
      '  num-threads: 1',
      '  chroot: ""',
      '  username: ""',
      '  use-syslog: no',
      '  verbosity: 0',
      `  directory: "${folder}"`,
      '  pidfile: ""',
      '  module-config: "iterator"',
      ...names.map((name, i) => `  local-data: "${name}. 600 IN A ${addressOf(i)}"`),
      'remote-control:',
      '  control-enable: no',
    ]),
  ]);

/** Asks until the server answers. @returns a reason if it doesn't */
async function untilAnswered(port: number): Promise<string | undefined> {
  const socket = createSocket('udp4');
  socket.on('error', () => undefined);
  try {
    const answers: Uint8Array[] = [];
    socket.on('message', (answer) => answers.push(answer));
    const labels = names[0].split('.').flatMap((label) => [label.length, ...Buffer.from(label)]);
    const query = Uint8Array.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, 1, 0, 1]);
    for (const end = performance.now() + START_MS; performance.now() < end;) {
      socket.send(query, port, HOST);
      await sleep(50);
      if (answers.length > 0) return undefined;
    }
    return 'no answer';
  } finally {
    socket.close();
  }
}

async function dnsperf(port: number, length: number): Promise<string> {
  const args = ['-s', HOST, '-p', `${port}`, '-d', queries, '-c1', '-T1', `-q${IN_FLIGHT}`, `-l${length}`];
  return new Promise((done, fail) => {
    execFile('dnsperf', args, (error, stdout) => {
      if (error === null) done(stdout);
      else fail(new Error(error.code === 'ENOENT' ? 'dnsperf is not installed (Debian: dnsperf)' : error.message));
    });
  });
}

function numberIn(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? Number.NaN);
}

async function measure({ name, port, cpu }: Running, length: number): Promise<Round> {
  const from = cpu();
  const text = await dnsperf(port, length);
  const used = cpu() - from;
  const completed = numberIn(text, /Queries completed:\s+(\d+)/);
  const good = numberIn(text, /NOERROR (\d+)/);
  if (good !== completed) throw new Error(`${name}: only ${good} of ${completed} answers are NOERROR`);
  return { answers: numberIn(text, /Queries per second:\s+([\d.]+)/), cpu: (1e6 * used) / completed };
}

/** A server, or nothing with the reason on standard output. */
async function start(name: string, run: () => Promise<Running>): Promise<Running[]> {
  try {
    return [await run()];
  } catch (error) {
    process.stdout.write(`${name} isn't measured: ${(error as Error).message}\n`);
    return [];
  }
}

const running: Running[] = [];
try {
  const port = 20_000 + (process.pid % 10_000);
  running.push(
    ...(await start('vtep', () => startVtep(port))),
    ...(await start('dnsmasq', () => startDnsmasq(port + 1))),
    ...(await start('unbound', () => startUnbound(port + 2))),
  );
  process.stdout.write(`${machine()}\n\n${NAMES} A records, ${rounds} rounds of ${seconds} s each, in turn:\n\n`);
  const results = running.map((): Round[] => []);
  for (const server of running) await measure(server, 1);
  for (let round = 0; round < rounds; round++) {
    for (const [i, server] of running.entries()) results[i].push(await measure(server, seconds));
  }
  const rates = results.map((all) => all.map(({ answers }) => answers));
  printTable(
    ['server', 'answers/s', 'spread', 'vtep is', 'CPU us/answer'],
    running.map(({ name }, i) => [
      name,
      Math.round(median(rates[i])).toLocaleString('en'),
      `${spread(rates[i]).toFixed(0)} %`,
      // Of each round, so that a slow moment of the machine affects both.
      `${median(rates[i].map((rate, round) => rates[0][round] / rate)).toFixed(2)} x`,
      median(results[i].map(({ cpu }) => cpu)).toFixed(2),
    ]),
  );
} catch (error) {
  process.stdout.write(`skipped: ${(error as Error).message}\n`);
} finally {
  for (const server of running) await server.close();
  rmSync(folder, { recursive: true, force: true });
}
