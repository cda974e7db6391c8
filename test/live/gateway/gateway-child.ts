/**
 * Run by gateway-part.test.ts in a node's namespace: a gateway and its rules, described by a JSON file. It says `up` when all
 * interfaces are there, reads the file again at SIGHUP (`reloaded`), and at SIGTERM ends with its counts. What is told goes
 * to standard error.
 */
import { readFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { HostRules } from '../../../src/live/firewall/host-rules.js';
import { GatewayPart } from '../../../src/live/gateway/gateway-part.js';
import type { GatewayContainer } from '../../../src/live/gateway/gateway-devices.js';
import { TapDevice } from '../../../src/live/index.js';
import { Poller } from '../../../src/live/system/poller.js';
import { Arena } from '../../../src/memory/index.js';
import { parsePrefix } from '../../../src/overlay/index.js';
import { formatIpv4, macOfIpv4, parseIpv4 } from '../../../src/wire/index.js';

/** The JSON file. */
export interface GatewayChildConfig {
  readonly icc?: boolean;
  readonly masquerade?: boolean;
  /** Containers by key. */
  readonly containers: Readonly<Record<string, GatewayContainer>>;
  /** The namespace that is the load balancer: a device there has its address. */
  readonly sandbox?: string;
  readonly ingress?: readonly number[];
  /** Host-mode ports of TCP. */
  readonly host?: readonly { readonly published: number; readonly container: string; readonly target: number }[];
}

/** What it did. */
export interface GatewayChildReport {
  readonly in: number;
  readonly made: number;
  readonly out: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly interfaces: readonly {
    readonly container: string;
    readonly address: string;
    readonly name: string | undefined;
    readonly received: number;
    readonly refused: number;
  }[];
  /** Slots of the arena that were free at the end. */
  readonly free: number;
  readonly slots: number;
}

const WAIT = 20;
const CHECK_MS = 200;
const [file] = process.argv.slice(2);
const tell = (text: string): void => void process.stderr.write(`${text}\n`);
const read = (): GatewayChildConfig => JSON.parse(readFileSync(file, 'utf8')) as GatewayChildConfig;

const { icc = false, masquerade = true, sandbox } = read();
const gateway = parseIpv4('172.18.0.1');
const settings = { name: 'docker_gwbridge', subnet: parsePrefix('172.18.0.0/16'), gateway, mtu: 1500, icc, masquerade };
const arena = new Arena({ slots: 2048, frameBytes: 9216 });
const part = await GatewayPart.open({ settings, arena, tell });
const rules = await HostRules.open({ node: 'node1', gateway: settings, tell });
if (sandbox !== undefined) {
  part.attachBalancer(
    new TapDevice({
      device: 'eth1',
      netns: sandbox,
      mac: macOfIpv4(part.sandbox),
      mtu: 1500,
      address: { address: part.sandbox, length: 16 },
      defaultGateway: gateway,
    }),
  );
}

async function apply(): Promise<void> {
  const { containers, ingress = [], host = [] } = read();
  part.update(new Map(Object.entries(containers)));
  part.publish(ingress.map((port) => ({ protocol: 'tcp', port })));
  const addressOf = (key: string): Uint8Array => part.addressOf(key) ?? new Uint8Array(0);
  await rules.apply({
    sandbox: part.sandbox,
    ingress: ingress.map((published) => ({ protocol: 'tcp', published })),
    host: host.map(({ published, container, target }) => {
      return { protocol: 'tcp', published, address: addressOf(container), target };
    }),
  });
  await part.settled();
}

const ending = new AbortController();
process.once('SIGTERM', () => ending.abort());
process.on('SIGHUP', () => void apply().then(() => process.stdout.write('reloaded\n')));

async function run(): Promise<void> {
  let { descriptors } = part;
  let poller = new Poller(descriptors);
  let moved = 0;
  let checked = performance.now();
  while (!ending.signal.aborted) {
    if (part.descriptors !== descriptors) {
      ({ descriptors } = part);
      poller = new Poller(descriptors);
    }
    const isAny = poller.wait(moved > 0 || part.pending ? 0 : WAIT);
    moved = isAny || part.pending ? part.turn((index) => poller.isReady(index)) : 0;
    if (performance.now() - checked > CHECK_MS) {
      checked = performance.now();
      part.check();
    }
    await setImmediate();
  }
}

const running = run();
await apply();
process.stdout.write('up\n');
await running;
const interfaces = part.interfaces.map(({ container = 'host', address, name, counters }) => {
  return {
    container,
    address: formatIpv4(address),
    name,
    received: counters?.received ?? 0,
    refused: counters?.refused ?? 0,
  };
});
const report: GatewayChildReport = { ...part.counters, interfaces, free: arena.available, slots: arena.slots };
rules.close();
part.close();
process.stdout.write(`${JSON.stringify(report)}\n`);
process.exit(0);
