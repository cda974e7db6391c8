/** Configs of a swarm that somebody got wrong, or wrong on purpose: a good one with a few of its values replaced. */
import fc from 'fast-check';

const KEY = '4c6f72656d20697073756d20646f6c6f';

/** A swarm with every field. */
const GOOD = {
  nodes: {
    node1: { vtep: '192.168.50.1', advertise: '10.1.0.1' },
    node2: { advertise: '192.168.50.2', os: 'linux', mtu: 1500 },
  },
  networks: {
    ingress: { ingress: true },
    'my-network': {
      vni: 4100,
      subnet: '10.0.9.0/24',
      gateway: '10.0.9.1',
      ipRange: '10.0.9.0/25',
      attachable: true,
      internal: false,
      labels: { tier: 'front' },
      balancers: { node1: '10.0.9.100' },
      options: { 'com.docker.network.driver.mtu': 1300, encrypted: '' },
    },
  },
  services: {
    'my-web': {
      id: 'web',
      mode: 'vip',
      deploy: 'replicated',
      networks: { 'my-network': { aliases: ['www'] } },
      aliases: ['site'],
      vip: { 'my-network': '10.0.9.2' },
      ports: ['8080:80/tcp', 'published=9090,target=90,mode=host', 53],
      tasks: [
        { slot: 3, node: 'node2', id: 'a' },
        { slot: 1, node: 'node1', state: 'running', drain: true, ip: { 'my-network': '10.0.9.3' } },
      ],
    },
    db: { networks: ['my-network'], mode: 'dnsrr', replicas: 2 },
  },
  endpoints: {
    c1: { network: 'my-network', node: 'node1', aliases: ['one'] },
    c2: { network: 'my-network', node: 'node1', ip: '10.0.9.4' },
  },
  ipam: { pools: '10.0.0.0/8', length: 24, order: 'lowest' },
  gateway: { name: 'docker_gwbridge', subnet: '172.18.0.0/16', mtu: 1500, icc: false },
  compatibility: 'docker',
  keys: [{ tag: 4, key: KEY }],
};

/** Values for any place. */
const VALUES: readonly unknown[] = [
  null,
  true,
  '',
  ' ',
  -1,
  0,
  1,
  65_535,
  65_536,
  65_537,
  2 ** 31,
  2 ** 53,
  1e300,
  0.5,
  [],
  {},
  [[[[]]]],
  '\u001b[31mred\u0007',
  'two\nlines',
  '\u202egnp.exe',
  'x'.repeat(300),
  '../../etc/passwd',
  '__proto__',
  'constructor',
  '10.0.9.2',
  '10.0.9.255',
  '10.0.9.0/24',
  '10.0.0.0/8',
  '0.0.0.0/0',
  '10.0.9.0/32',
  '224.0.0.1',
  '255.255.255.255',
  'fd00::1',
  'fd00::/64',
  'node1',
  'node9',
  'my-network',
  'ingress',
  'my-web',
  'dnsrr',
  'host',
  'global',
  'rejected',
  'windows',
  '8080:80/sctp',
  '1-65535:1-65535',
  '7000-7002:8000-8001',
  'published=8080,target=80,mode=ingress',
  'published=8080,published=8080,target=80',
  'a.b.c.',
  '-',
  KEY,
];

type Container = Record<string, unknown> | unknown[];

/** Every block and list of a config. */
function containersOf(value: unknown): Container[] {
  if (typeof value !== 'object' || value === null) return [];
  return [value as Container, ...Object.values(value).flatMap(containersOf)];
}

interface Change {
  readonly where: number;
  readonly key: number;
  readonly kind: 'replace' | 'remove' | 'add' | 'copy';
  readonly value: number;
}

function apply(config: Container, { where, key, kind, value }: Change): void {
  const containers = containersOf(config);
  const target = containers[where % containers.length] as Record<string, unknown>;
  const keys = Object.keys(target);
  const name = keys[key % Math.max(1, keys.length)];
  if (kind === 'add' || keys.length === 0) {
    const added = VALUES[(value + key) % VALUES.length];
    // As JSON.parse does, rather than as an assignment to __proto__ would.
    Object.defineProperty(target, Array.isArray(target) ? keys.length : String(added).slice(0, 20), {
      value: VALUES[value % VALUES.length],
      enumerable: true,
      configurable: true,
      writable: true,
    });
  } else if (kind === 'replace') {
    target[name] = VALUES[value % VALUES.length];
  } else if (kind === 'copy') {
    // A second one of the same contents under another name.
    const copied = JSON.parse(JSON.stringify(target[name])) as unknown;
    target[Array.isArray(target) ? keys.length : `${name}2`] = copied;
  } else if (Array.isArray(target)) {
    target.splice(Number(name), 1);
  } else {
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- any field may be missing
    delete target[name];
  }
}

/** Texts of configs with one to three changes. */
export const hostileConfig = fc
  .array(
    fc.record({
      where: fc.nat(200),
      key: fc.nat(20),
      kind: fc.constantFrom('replace', 'replace', 'remove', 'add', 'copy'),
      value: fc.nat(1000),
    }),
    { minLength: 1, maxLength: 3 },
  )
  .map((changes) => {
    const config = JSON.parse(JSON.stringify(GOOD)) as Container;
    for (const change of changes) apply(config, change);
    return JSON.stringify(config, null, 1);
  });

/** The config without changes. */
export const goodConfig = JSON.stringify(GOOD);
/** The key in it, which no message may contain. */
export const configKey = KEY;
