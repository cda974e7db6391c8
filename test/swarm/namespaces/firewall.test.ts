/** What `vtep up --gossip` says about firewalls between nodes, and about their end. All cases run at the same time. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { vtep } from '../../cli/run.js';
import { requirements } from '../../live/namespaces/requirements.js';
import { type GossipNode, GossipNodes, untilAnswered } from './gossip-nodes.js';

const PATIENCE_MS = 180_000;
const PAUSE_MS = 100;
const TCP = 'tcp dport 7946';
const UDP = 'udp dport 7946';

/** A firewall at a node, and what nodes say about it. */
interface Case {
  readonly name: string;
  /** Rules by the index of the node that has them. */
  readonly rules: Readonly<Record<number, string>>;
  readonly says: readonly Said[];
  /** Whose containers send meanwhile: from, to and which network. */
  readonly traffic?: readonly [from: number, to: number, network: 'clear' | 'encrypted'];
}

/** Lines of one node about another. */
interface Said {
  readonly node: number;
  readonly blocked: RegExp;
  readonly open: RegExp;
}

function about(to: number): string {
  return `192\\.168\\.50\\.${to + 1}`;
}

function tcpTo(node: number, to: number, how: string): Said {
  return {
    node,
    blocked: new RegExp(`${about(to)}:7946 answers over UDP but ${how} TCP port 7946 .* open it in both directions\\.`),
    open: new RegExp(`${about(to)}:7946 answers over TCP again\\.`),
  };
}

function udp(node: number, to: number, how: string): Said {
  return {
    node,
    blocked: new RegExp(
      `${about(to)}:7946 ${how}: a firewall may drop UDP port 7946, .* open it in both directions\\.`,
    ),
    open: new RegExp(`${about(to)}:7946 answers over UDP again\\.`),
  };
}

function data(node: number, to: number, what: string): Said {
  return {
    node,
    blocked: new RegExp(`no packet comes from node \\w+ \\(${about(to)}\\), though its gossip does: is ${what} open`),
    open: new RegExp(`packets of node \\w+ \\(${about(to)}\\) arrive again`),
  };
}

const REFUSES = 'refuses TCP connections: a firewall may reject';
const BY_OTHERS = 'is reached over UDP only through other members';

/** Between different pairs of three nodes, so that none disturbs another. */
const PAIRS: readonly Case[] = [
  {
    name: 'TCP 7946 dropped in one direction',
    rules: { 0: `ip saddr 192.168.50.2 ${TCP} drop` },
    says: [
      tcpTo(1, 0, 'not over TCP: a firewall may drop'),
      {
        node: 0,
        blocked: new RegExp(`${about(1)}:7946 is reached over TCP but doesn't reach .* TCP port 7946 on the way here`),
        open: new RegExp(`TCP connections from \\w+ at ${about(1)}:7946 arrive again\\.`),
      },
    ],
  },
  {
    name: 'TCP 7946 rejected in both directions',
    rules: {
      0: `ip saddr 192.168.50.3 ${TCP} reject with tcp reset`,
      2: `ip saddr 192.168.50.1 ${TCP} reject with icmp type port-unreachable`,
    },
    says: [tcpTo(0, 2, REFUSES), tcpTo(2, 0, REFUSES)],
  },
  {
    name: 'UDP 7946 dropped between two nodes, while a third one reaches both',
    rules: { 2: `ip saddr 192.168.50.2 ${UDP} drop` },
    says: [udp(1, 2, BY_OTHERS), udp(2, 1, BY_OTHERS)],
  },
  {
    name: 'UDP 4789',
    rules: { 1: 'ip saddr 192.168.50.1 udp dport 4789 drop' },
    says: [data(1, 0, 'UDP 4789')],
    traffic: [1, 0, 'clear'],
  },
  {
    name: 'IP protocol 50',
    rules: { 2: 'ip saddr 192.168.50.1 ip protocol esp drop' },
    says: [data(2, 0, 'IP protocol 50 \\(ESP\\)')],
    traffic: [2, 0, 'encrypted'],
  },
];

const TCP_ONLY = 'answers over TCP but not over UDP';

describe('firewalls between nodes', { skip: requirements(), concurrency: true, timeout: 3 * PATIENCE_MS }, () => {
  describe('that know each other', () => {
    let all: GossipNodes | undefined;
    const nodes = (): readonly GossipNode[] => all?.nodes ?? [];
    before(async () => {
      all = new GossipNodes();
      await Promise.all(nodes().map(({ up }) => up.start(PATIENCE_MS)));
      for (const from of nodes()) {
        for (const to of nodes()) {
          if (from === to) continue;
          await untilAnswered(from.container, to.clear);
          await untilAnswered(from.container, to.encrypted);
        }
      }
    });
    after(() => all?.close());

    test('each cause is reported with what to open, in the status, and when it is over', async (t) => {
      for (const { up } of nodes()) assert.doesNotMatch(up.said, /open it in both directions|no packet comes/);
      const rules = nodes().map((_, index) => PAIRS.flatMap((one) => one.rules[index] ?? []).join('\n'));
      nodes().forEach((node, index) => block(node, rules[index]));
      const end = new AbortController();
      const traffic = PAIRS.flatMap((one) => (one.traffic === undefined ? [] : [send(nodes(), one.traffic, end)]));
      try {
        await Promise.all(
          PAIRS.map(({ name, says }) =>
            t.test(`${name} is reported`, async () => {
              await Promise.all(says.map(({ node, blocked }) => saying(nodes()[node], blocked)));
            }),
          ),
        );
        await t.test('the status shows all of them', () => statusShows(nodes()));
        for (const node of nodes()) unblock(node);
        await Promise.all(
          PAIRS.map(({ name, says }) =>
            t.test(`the end of ${name} is reported`, async () => {
              await Promise.all(says.map(({ node, open }) => saying(nodes()[node], open)));
            }),
          ),
        );
      } finally {
        end.abort();
        await Promise.all(traffic);
      }
      for (const node of nodes()) {
        const lines = node.up.said.split('\n').filter((line) => line.includes('open it in both'));
        assert.equal(new Set(lines).size, lines.length, 'each once');
      }
    });
  });

  describe('that start behind them', { concurrency: false }, () => {
    let all: GossipNodes | undefined;
    const nodes = (): readonly GossipNode[] => all?.nodes ?? [];
    before(async () => {
      all = new GossipNodes();
      const [first, ...others] = nodes();
      block(first, `ip saddr 192.168.50.2 ${TCP} drop\nip saddr 192.168.50.3 ${TCP} reject with tcp reset`);
      await first.up.start(PATIENCE_MS);
      await Promise.all(others.map(({ up }) => up.start(PATIENCE_MS)));
    });
    after(() => all?.close());

    test('TCP 7946 of the seed: dropped and rejected are told apart, and the end is reported', async () => {
      const [first, second, third] = nodes();
      await saying(second, /No answer from 192\.168\.50\.1:7946: a firewall may drop TCP port 7946/);
      await saying(
        third,
        /Nothing listens on TCP port 7946 at 192\.168\.50\.1:7946: .*a firewall rejects TCP port 7946/,
      );
      unblock(first);
      for (const node of [second, third]) await saying(node, /The gossip at 192\.168\.50\.1:7946 is reached now\./);
      await untilAnswered(second.container, third.clear);
    });

    // At different nodes: what was over is reported again at most once a minute.
    for (const [name, at, rules] of [
      ['in', 1, table('input', `${UDP} drop`)],
      ['in and out', 2, `${table('input', `${UDP} drop`)}${table('output', `${UDP} drop`)}`],
    ] as const) {
      test(`UDP 7946 dropped at a node, ${name}: all say that only TCP passes, and when UDP does again`, async () => {
        const [first] = nodes();
        const blocked = nodes()[at];
        const said = [udp(0, at, TCP_ONLY), udp(at, 0, TCP_ONLY)];
        blocked.namespace.call(['nft', '-f', '-'], rules);
        for (const { node, blocked: line } of said) await saying(nodes()[node], line);
        await untilMember(first, blocked.vtep, ({ tcpOnly }) => tcpOnly === true);
        unblock(blocked);
        for (const { node, open } of said) await saying(nodes()[node], open);
      });
    }

    test('no node had been called silent', () => {
      for (const { up } of nodes()) assert.doesNotMatch(up.said, /no packet comes/);
    });
  });
});

/** Checks that `vtep status` names what the lines do. */
async function statusShows(nodes: readonly GossipNode[]): Promise<void> {
  const [first, second, third] = nodes;
  await untilMember(first, second.vtep, ({ udpOnly }) => udpOnly === true);
  await untilMember(first, third.vtep, ({ udpOnly }) => udpOnly === true);
  await untilMember(second, third.vtep, ({ relayed }) => relayed === true);
  const { gossip } = await sections(second);
  assert.deepEqual(
    (gossip['silent'] as { vtep: string; protocol: string }[]).map(({ vtep: address, protocol }) => [
      address,
      protocol,
    ]),
    [[first.vtep, 'VXLAN']],
  );
}

type Section = Readonly<Record<string, unknown>>;

async function sections({ socket }: GossipNode): Promise<{ gossip: Section; members: readonly Section[] }> {
  const { stdout, stderr, status } = await vtep(['status', '--socket', socket, '--json', 'gossip', 'members']);
  assert.equal(status, 0, stderr);
  const answer = JSON.parse(stdout) as { gossip: Section; members: { rows: Section[] } };
  return { gossip: answer.gossip, members: answer.members.rows };
}

async function untilMember(node: GossipNode, address: string, condition: (row: Section) => boolean): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const { members } = await sections(node);
    if (members.some((row) => row['address'] === `${address}:7946` && condition(row))) return;
    assert.ok(performance.now() < end, JSON.stringify(members));
  }
}

async function saying(node: GossipNode, pattern: RegExp): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!pattern.test(node.up.said)) {
    assert.ok(performance.now() < end, `no ${String(pattern)} in ${node.up.said}`);
    await new Promise((done) => setTimeout(done, PAUSE_MS));
  }
}

function table(hook: 'input' | 'output', rules: string): string {
  return `table ip firewall {\nchain ${hook} {\ntype filter hook ${hook} priority 0;\n${rules}\n}\n}\n`;
}

function block({ namespace }: GossipNode, rules: string): void {
  namespace.call(['nft', '-f', '-'], table('input', rules));
}

function unblock({ namespace }: GossipNode): void {
  namespace.call(['nft', 'delete', 'table', 'ip', 'firewall']);
}

/** Sends until the end. */
async function send(
  nodes: readonly GossipNode[],
  [from, to, network]: readonly [number, number, 'clear' | 'encrypted'],
  { signal }: AbortController,
): Promise<void> {
  while (!signal.aborted) {
    const address = nodes[to][network];
    const ping = nodes[from].container.start(['ping', '-n', '-c', '3', '-i', '0.5', '-W', '1', address]);
    await ping.end(PATIENCE_MS);
  }
}
