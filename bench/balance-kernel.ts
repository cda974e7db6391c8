/**
 * What the same translation costs the kernel: nanoseconds per 64-byte datagram that DNAT and masquerading by nft, and IPVS where
 * the kernel has it, add to plain routing. A client's namespace sends through two routers, one of which translates, to a
 * server's namespace that drops and counts: all of it in the sender's system calls.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { machine, median, printTable, spread } from './machine.js';

const PREFIX = `svc-balance-${process.pid}-`;
const CLIENT = `${PREFIX}client`;
const SERVER = `${PREFIX}server`;
const VIP = '10.3.0.1';
const FLOWS = [1, 64] as const;
const SENDER = join(import.meta.dirname, 'balance-sender.js');
/** Datagrams of a round to each address. */
const PER_ROUND = 128 * 64;
/** Rounds of warming up. */
const WARMING = 10;

/** Runs a program, and returns its output; throws with what it says if it fails. */
function run(words: readonly string[], input?: string): string {
  const [program = '', ...rest] = words;
  const { status, stdout, stderr, error } = spawnSync(program, rest, { encoding: 'utf8', input });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${words.join(' ')}: ${stderr.trim()}`);
  return stdout;
}

const inside = (namespace: string, words: string, input?: string): string =>
  run(['ip', 'netns', 'exec', namespace, ...words.split(' ')], input);

/** What the message of a failure says in one line. */
function says(act: () => void): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return (error as Error).message.split('\n')[0];
  }
}

function lacking(): string | undefined {
  if (process.platform !== 'linux') return 'this is not Linux';
  if (process.getuid?.() !== 0) return 'network namespaces need root (run it with sudo)';
  if (says(() => run(['ip', '-V'])) !== undefined) return 'ip is not installed (Debian: iproute2)';
  if (says(() => run(['nft', '--version'])) !== undefined) return 'nft is not installed (Debian: nftables)';
  return undefined;
}

const created: string[] = [];

function namespace(name: string): void {
  run(['ip', 'netns', 'add', name]);
  created.push(name);
  inside(name, 'ip link set lo up');
  inside(name, 'tee /proc/sys/net/ipv4/ip_forward', '1');
  inside(name, 'tee /proc/sys/net/ipv4/conf/all/rp_filter', '0');
  inside(name, 'tee /proc/sys/net/ipv4/conf/default/rp_filter', '0');
}

/** A pair of veth between two namespaces, with .2 at the outer end and .1 at the router. */
function link(outer: string, router: string, device: string, subnet: string): void {
  run(['ip', '-n', outer, 'link', 'add', device, 'type', 'veth', 'peer', 'name', device, 'netns', router]);
  for (const [name, host] of [
    [outer, 2],
    [router, 1],
  ] as const) {
    inside(name, `ip address add ${subnet}.${host}/24 dev ${device}`);
    inside(name, `ip link set ${device} up`);
  }
}

/** A router between client and server. Returns its namespace. */
function router(index: number): string {
  const name = `${PREFIX}router${index}`;
  namespace(name);
  link(CLIENT, name, `front${index}`, `10.1.${index}`);
  link(SERVER, name, `back${index}`, `10.2.${index}`);
  return name;
}

const NFT_RULES = `table ip bench {
  chain prerouting { type nat hook prerouting priority dstnat; ip daddr ${VIP} dnat to 10.2.2.2; }
  chain postrouting { type nat hook postrouting priority srcnat; oifname "back2" masquerade; }
}`;
const DROPPING = `table ip bench {
  counter datagrams { }
  chain prerouting { type filter hook prerouting priority raw; meta l4proto udp counter name datagrams drop; }
}`;

/** Builds the network. Returns the addresses to send to, by what happens on the way. */
function build(): Map<string, string> {
  namespace(CLIENT);
  namespace(SERVER);
  router(1);
  const translating = router(2);
  inside(SERVER, 'nft -f -', DROPPING);
  inside(translating, 'nft -f -', NFT_RULES);
  inside(CLIENT, `ip route add ${VIP} via 10.1.2.1`);
  inside(CLIENT, 'ip route add 10.2.1.0/24 via 10.1.1.1');
  const targets = new Map([
    ['routing', '10.2.1.2'],
    ['nft DNAT and masquerade', VIP],
  ]);
  const ipvs = says(() => inside(translating, 'ipvsadm -L'));
  if (ipvs === undefined) {
    const balancing = router(3);
    inside(balancing, 'ip address add 10.3.0.2/32 dev lo');
    inside(balancing, 'tee /proc/sys/net/ipv4/vs/conntrack', '1');
    for (const port of Array.from({ length: 64 }, (_, i) => 20_000 + i)) {
      inside(balancing, `ipvsadm -A -u 10.3.0.2:${port} -s rr`);
      inside(balancing, `ipvsadm -a -u 10.3.0.2:${port} -r 10.2.3.2:${port} -m`);
    }
    inside(balancing, 'nft -f -', NFT_RULES.replace('back2', 'back3').replace(/^ {2}chain prerouting.*$/m, ''));
    inside(CLIENT, 'ip route add 10.3.0.2 via 10.1.3.1');
    targets.set('IPVS and masquerade', '10.3.0.2');
  } else {
    process.stdout.write(`IPVS is not measured: ${ipvs.replace(/^.*ipvsadm -L: /, '')}\n`);
  }
  return targets;
}

/** The figure that a quarter of the rounds undercuts: the fastest one may leave work to a kernel thread. */
function quartile(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 4)];
}

/** Datagrams that reached the server. */
function arrived(): number {
  return Number(/packets (\d+)/.exec(inside(SERVER, 'nft list counter ip bench datagrams'))?.[1]);
}

function measure(targets: ReadonlyMap<string, string>, flows: number, rounds: number): string[][] {
  const before = arrived();
  const words = [process.execPath, SENDER, flows, WARMING + rounds, ...targets.values()];
  const text = inside(CLIENT, words.join(' '));
  const lines = text.trim().split('\n');
  const figures = lines.map((line) => line.split(' ').map(Number)).slice(WARMING);
  const sent = lines.length * targets.size * PER_ROUND;
  const share = (100 * (arrived() - before)) / sent;
  return [...targets.keys()].map((name, i) => {
    const all = figures.map((line) => line[i]);
    const routing = figures.map((line) => line[0]);
    return [
      name,
      String(flows),
      median(all).toFixed(0),
      quartile(all).toFixed(0),
      i === 0 ? '' : (median(all) - median(routing)).toFixed(0),
      i === 0 ? '' : (quartile(all) - quartile(routing)).toFixed(0),
      `${spread(all).toFixed(0)} %`,
      `${share.toFixed(1)} %`,
    ];
  });
}

/**
 * Measures the kernel and prints a table, or why it can't be measured here.
 * @param rounds number of rounds, of about 30 ms for each row
 */
export function measureKernel(rounds: number): void {
  const missing = lacking();
  if (missing !== undefined) {
    process.stdout.write(`The kernel is not measured: ${missing}\n`);
    return;
  }
  try {
    const targets = build();
    process.stdout.write(`${machine()}, 64-byte frames, UDP, CPU time of the sender\n\n`);
    printTable(
      ['the kernel', 'flows', 'ns', 'fastest quarter', 'ns added', 'fastest quarter', 'spread', 'arrived'],
      FLOWS.flatMap((flows) => measure(targets, flows, rounds)),
    );
  } finally {
    for (const name of created) run(['ip', 'netns', 'delete', name]);
  }
}
