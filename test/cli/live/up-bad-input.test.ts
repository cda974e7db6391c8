/** Missing, lost and invalid input of `vtep up`: the right exit code and one line that says what, without keys. */
import assert from 'node:assert/strict';
import { chmodSync, cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { command } from '../../live/namespaces/command.js';
import { NamespaceBench } from '../../live/namespaces/namespace-bench.js';
import type { NetworkNamespace } from '../../live/namespaces/network-namespace.js';
import { requirements } from '../../live/namespaces/requirements.js';
import { spawnVtep, type VtepProcess } from '../../live/namespaces/vtep-process.js';
import { portOf, withoutRawSockets } from '../../live/loopback.js';
import { RING } from '../../dataplane/topology.js';
import { ROOT } from '../../repository.js';
import { type Outcome, scratch, vtep } from '../run.js';
import { UpProcess } from './up-process.js';

const KEY = '000102030405060708090a0b0c0d0e0f';
const NOBODY = { uid: 65_534, gid: 65_534 };
const folder = scratch();
const ROOT_ONLY = withoutRawSockets();
let files = 0;

interface Setup {
  readonly encrypted?: boolean;
  readonly vtep?: string;
  readonly endpoint?: string;
  readonly ring?: string;
  readonly more?: string;
}

function text(port: number, { encrypted = false, vtep: address = '127.0.0.2', ...setup }: Setup = {}): string {
  const { endpoint = '', ring = RING, more = '' } = setup;
  return `port: ${port}
nodes: { n1: { vtep: ${address} }, n2: { vtep: 127.0.0.3 } }
networks: { net: { vni: 4097, encrypted: ${encrypted} } }
endpoints:
  c1: { network: net, node: n1, ip: 10.0.9.3${endpoint} }
${more}${encrypted ? ring : ''}`;
}

function file(content: string): string {
  const path = join(folder, `file-${files++}`);
  writeFileSync(path, content);
  return path;
}

function out(): string {
  return join(folder, `out-${files++}.pcap`);
}

/** Asserts that it refused to start, and said why in one line. */
function unusable({ status, stdout, stderr }: Outcome, pattern: RegExp): void {
  assert.equal(status, 2, stderr);
  assert.match(stderr, pattern);
  assert.equal(stderr.trimEnd().split('\n').length, 1, `more than one line: ${stderr}`);
  assert.equal(stdout, '');
  assert.ok(!stderr.includes(KEY));
}

async function refuses(words: readonly string[], pattern: RegExp): Promise<void> {
  unusable(await vtep(['up', '--node', 'n1', ...words]), pattern);
}

describe('vtep up', () => {
  test('reports a UDP port in use by another VTEP, with either kind of sockets', { skip: ROOT_ONLY }, async () => {
    for (const [i, sockets] of (['node', 'system'] as const).entries()) {
      const config = file(text(portOf(i)));
      const one = new UpProcess(['--node', 'n1', '--config', config, '--sockets', sockets, '--frames-out', out()]);
      await one.said(/is up on/);
      for (const other of ['node', 'system']) {
        const words = ['--config', config, '--sockets', other, '--frames-out', out()];
        await refuses(words, /^vtep: UDP port \d+ is in use: .*; stop it first\n$/);
      }
      assert.equal((await one.end('SIGTERM')).status, 0);
    }
  });

  test('reports settings of an HTTP mesh that it can not read, and that a dry run has none', async () => {
    const config = file(text(portOf(2)));
    const words = ['--config', config, '--sockets', 'node', '--frames-out', out()];
    await refuses([...words, '--mesh', file('http: [0x10000]')], /^vtep: .*file-\d+.*http/);
    await refuses(
      [...words, '--mesh', file('http: [8080]')],
      /^vtep: a dry run has no HTTP mesh; omit --mesh, --mesh-debug and --mesh-log\n$/,
    );
  });

  test('reports an address that is not on this host', async () => {
    const config = file(text(portOf(2), { vtep: '192.0.2.1' }));
    const words = ['--config', config, '--sockets', 'node', '--frames-out', out()];
    await refuses(
      words,
      /^vtep: the node's VTEP address 192\.0\.2\.1 is not an address of this host \(ip address\)\n$/,
    );
  });

  test(
    'without privileges, reports what is needed, but runs dry runs of clear networks',
    { skip: ROOT_ONLY },
    async () => {
      // The child may lack access to this directory and the repository: grant it to both.
      const open = mkdtempSync(join(tmpdir(), 'vtep-open-'));
      try {
        chmodSync(open, 0o777);
        const config = (name: string, setup: Setup): string => {
          const path = join(open, name);
          writeFileSync(path, text(portOf(3), setup), { mode: 0o644 });
          return path;
        };
        const [clear, sealed] = [config('clear', {}), config('sealed', { encrypted: true })];
        const run = (words: readonly string[]): UpProcess => new UpProcess(['--node', 'n1', ...words], NOBODY);
        unusable(
          await run(['--config', sealed]).end(),
          /can't open a socket for IP packets \(EPERM\): run as root, or with CAP_NET_/,
        );
        unusable(
          await run(['--config', clear]).end(),
          /^vtep: can't .* \((EPERM|EACCES)\): run as root, or with CAP_NET_ADMIN/,
        );
        const low = join(open, 'low');
        writeFileSync(low, text(789), { mode: 0o644 });
        for (const sockets of ['node', 'system']) {
          const words = ['--config', low, '--sockets', sockets, '--frames-out', join(open, 'low.pcap')];
          const ended = await run(words).end();
          // Unprivileged users may be allowed any port (net.ipv4.ip_unprivileged_port_start).
          if (ended.signal === null) unusable(ended, /UDP port 789.*(permission denied|run as root)/);
        }
        const up = run(['--config', clear, '--frames-out', join(open, 'clear.pcap')]);
        await up.said(/n1 is up on 127\.0\.0\.2, UDP port \d+, by UDP socket\n/);
        assert.equal((await up.end('SIGTERM')).status, 0);
      } finally {
        rmSync(open, { recursive: true, force: true });
      }
    },
  );

  test('reports a state file that is in use or corrupt, and what to do', async () => {
    const config = file(text(portOf(4), { encrypted: true }));
    const state = file('torn');
    const words = ['--config', config, '--aead', 'node', '--frames-out', out(), '--state', state];
    await refuses(
      words,
      new RegExp(`^vtep: ${state}: its sequence numbers are truncated or modified; delete the file`),
    );
    await refuses([...words.slice(0, -1), join(folder, 'none/state')], /none\/state/);
    await refuses([...words.slice(0, -1), folder], /not a regular file; choose another path/);
  });

  test('reports that another process uses the state file', { skip: ROOT_ONLY }, async () => {
    const config = file(text(portOf(5), { encrypted: true }));
    const state = join(folder, 'held');
    const words = ['--node', 'n1', '--config', config, '--aead', 'node', '--state', state];
    const one = new UpProcess([...words, '--frames-out', out()]);
    await one.said(/is up on/);
    await refuses([...words.slice(2), '--frames-out', out()], /\/held: in use by process \d+; stop it first/);
    assert.equal((await one.end('SIGTERM')).status, 0);
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith('held')),
      ['held'],
    );
  });

  test('reports a state file that can no longer be written, and exits 2', { skip: ROOT_ONLY }, async () => {
    const config = file(text(portOf(12), { encrypted: true }));
    for (const broken of [false, true]) {
      const directory = mkdtempSync(join(folder, 'state-'));
      const words = [
        '--config',
        config,
        '--aead',
        'node',
        '--frames-out',
        out(),
        '--state',
        join(directory, 'sequences'),
      ];
      const up = new UpProcess(['--node', 'n1', ...words]);
      await up.said(/is up on/);
      if (broken) rmSync(directory, { recursive: true });
      const { status, stdout, stderr } = await up.end('SIGTERM');
      assert.equal(status, broken ? 2 : 0, stderr);
      assert.match(stdout, /^n1: ran for/);
      if (broken)
        assert.match(stderr, /^vtep: .*sequences: .*encrypted networks stop when their sequence numbers run out$/m);
    }
  });

  test('rejects options that need a single worker', async () => {
    const config = file(text(portOf(13)));
    for (const [words, what] of [
      [['--state', join(folder, 'unused')], '--state'],
      [['--sockets', 'node'], '--sockets node'],
      [['--frames-out', out()], 'a dry run'],
    ] as const) {
      await refuses(['--config', config, '--workers', '2', ...words], new RegExp(`${what} needs a single worker`));
    }
  });

  test('reports what is wrong with its config, without misplaced keys', async () => {
    const good = text(portOf(6));
    const cases: readonly (readonly [string, RegExp])[] = [
      [good.replace('vni: 4097', 'vni: x'), /:3:\d+: networks\.net\.vni/],
      [good.replace('c1:', `${KEY}:`).replace('node: n1', 'node: n3'), /there is no node n3/],
      [good.replace('ip: 10.0.9.3', `ip: 10.0.9.3, device: ${KEY}`), /device: an interface name has 1 to 15/],
      [good.replace('ip: 10.0.9.3', `ip: 10.0.9.3, ${KEY}: x`), /an unknown field/],
      [good.replace('network: net', `network: ${KEY}`), /there is no network \[hidden\]/],
      [
        `${good}  c2: { network: net, node: n1, ip: 10.0.9.4, device: c1 }\n`,
        /endpoints\.c2\.device: c1 of n1 has c1 already/,
      ],
      [good.replace('n1: {', `${KEY}: {`).replace('node: n1', 'node: n2'), /there is no (such )?node.*\[hidden\], n2/],
    ];
    for (const [content, pattern] of cases) {
      await refuses(['--config', file(content), '--sockets', 'node', '--frames-out', out()], pattern);
    }
  });

  describe('without koffi', () => {
    let copy = '';
    before(() => {
      copy = mkdtempSync(join(tmpdir(), 'vtep-no-koffi-'));
      cpSync(join(ROOT, 'package.json'), join(copy, 'package.json'));
      cpSync(join(ROOT, 'dist/cli'), join(copy, 'dist/cli'), { recursive: true });
    });
    after(() => rmSync(copy, { recursive: true, force: true }));

    const run = (words: readonly string[]): UpProcess => {
      const main = join(copy, 'dist/cli/main.js');
      return new UpProcess(['--node', 'n1', ...words], { cwd: copy }, main);
    };

    test('says that it must be installed if system sockets or devices are needed', async () => {
      const clear = file(text(portOf(7)));
      const sealed = file(text(portOf(7), { encrypted: true }));
      const pattern = /^vtep: the package koffi is not installed \(npm install koffi\)\n$/;
      for (const words of [[], ['--sockets', 'system'], ['--sockets', 'node']]) {
        unusable(await run(['--config', clear, ...words]).end(), pattern);
      }
      unusable(await run(['--config', sealed, '--frames-out', out()]).end(), pattern);
    });

    test('runs dry runs of clear networks', async () => {
      const up = run(['--config', file(text(portOf(8))), '--frames-out', out()]);
      await up.said(/is up on 127\.0\.0\.2, UDP port \d+, by UDP socket of Node/);
      assert.equal((await up.end('SIGTERM')).status, 0);
    });
  });

  test(
    'that reads a config anew at SIGHUP takes it over, or keeps the one before and says why',
    { skip: ROOT_ONLY },
    async () => {
      const port = portOf(9);
      const good = text(port, { encrypted: true });
      const config = file(good);
      const up = new UpProcess([
        '--node',
        'n1',
        '--config',
        config,
        '--aead',
        'node',
        '--frames-out',
        out(),
        '--json',
        '--metrics',
        '0',
      ]);
      const url = (await up.said(/http:\S+/)).trim();
      let kept = 0;
      const keeps = async (content: string | undefined, pattern: RegExp): Promise<void> => {
        if (content === undefined) rmSync(config);
        else writeFileSync(config, content);
        up.signal('SIGHUP');
        const line = await up.said(/^vtep: reload failed, keeping the previous configuration: .*$/m, ++kept);
        assert.match(line, pattern);
        assert.ok(!line.includes(KEY.slice(0, 16)));
      };
      await keeps(undefined, /no such file/);
      await keeps('nodes: [', /:1:\d+: not valid YAML/);
      await keeps('', /the file is empty/);
      await keeps(good.replace('127.0.0.2', '127.0.0.4'), /the node's VTEP address changed, which requires a restart$/);
      await keeps(good.replace(`port: ${port}`, 'port: 4799'), /the UDP port changed, which requires a restart$/);
      await keeps(good.replace('n1: {', 'n7: {').replace('node: n1', 'node: n7'), /the new topology has no node n1$/);
      await keeps(
        good.replace('profile: swarm\n', '').replace('port:', 'profile: strict\nport:'),
        /the profile changed/,
      );
      await keeps(good.replace('network: net', `network: ${KEY}`), /there is no network \[hidden\]/);
      await keeps(good.replace('endpoints:', `${KEY}:`), /an unknown field/);
      await keeps(good.replace(/keys:[^]*$/, ''), /there are no keys/);
      const takes = async (content: string, times: number, pattern: RegExp): Promise<void> => {
        writeFileSync(config, content);
        up.signal('SIGHUP');
        assert.match(await up.said(/^vtep: configuration reloaded.*$/m, times), pattern);
      };
      await takes(good.replaceAll('tag: ', 'tag: 1'), 1, /configuration reloaded$/);
      await takes(good, 2, /; its key ring is older than the current one, which is kept$/);
      const page = await (await fetch(url)).text();
      assert.match(page, /^vtep_config_reloads_total\{result="taken"\} 2$/m);
      assert.match(page, new RegExp(`^vtep_config_reloads_total\\{result="refused"\\} ${kept}$`, 'm'));
      assert.match(page, /^vtep_key_tag\{index="0"\} 11$/m);
      assert.ok(!page.includes(KEY.slice(0, 16)));
      const { status, stdout, stderr } = await up.end('SIGTERM');
      assert.equal(status, 0, stderr);
      assert.equal((JSON.parse(stdout) as { node: string }).node, 'n1');
    },
  );
});

describe('vtep up with devices', { skip: requirements() }, () => {
  let bench: NamespaceBench | undefined;
  const namespace = (name: string): NetworkNamespace => (bench ??= new NamespaceBench()).namespace(name);
  after(() => bench?.close());
  const start = (inside: NetworkNamespace, config: string, ...more: readonly string[]): VtepProcess =>
    spawnVtep(inside, ['up', '--node', 'n1', '--config', config, ...more]);

  test('reports a TAP device in use by another process, and a missing network namespace', async () => {
    const inside = namespace('taken');
    const one = start(inside, file(text(4789)));
    await one.ready(/endpoint c1: c1/);
    const second = file(text(4790));
    unusable(await start(inside, second).end(), /^vtep: another process has the TAP device c1; stop it first\n$/);
    unusable(
      await start(inside, file(text(4791, { endpoint: ', netns: none-such' }))).end(),
      /no network namespace "none-such"; there are .* \(ip netns\)/,
    );
    unusable(
      await start(inside, file(text(4791, { endpoint: `, netns: "${KEY}"` }))).end(),
      /no network namespace "\[hidden\]"/,
    );
    unusable(await start(inside, file(text(4791, { endpoint: ', device: lo' }))).end(), /create the TAP device lo/);
    unusable(
      await start(inside, file(text(4791).replace('c1:', 'much-too-long-a-name:'))).end(),
      /much-too-long-a-name: .*; set one with device:/,
    );
    assert.equal((await one.stop()).status, 0);
  });

  test('continues if a device or its namespace disappears, and recreates it on SIGHUP', async () => {
    const inside = namespace('goes');
    const config = file(text(4789, { more: '  c2: { network: net, node: n1, ip: 10.0.9.4 }\n' }));
    const up = start(inside, config);
    await up.ready(/endpoint c2: c2/);
    inside.ip('link delete c1');
    await up.ready(/^vtep: endpoint c1: the device c1 is gone \(EBADFD\)$/);
    assert.match(inside.ip('link show dev c2'), /UP/);
    process.kill(up.pid ?? 0, 'SIGHUP');
    await up.ready(/configuration reloaded/);
    assert.match(inside.ip('link show dev c1'), /UP/);
    const { status, stdout } = await up.stop();
    assert.equal(status, 0);
    assert.match(stdout, /^ *c1 +c1 /m);
  });

  test('recreates the device of a restarted container without SIGHUP, and holds nothing of the previous one', async () => {
    const inside = namespace('node');
    const container = namespace('container');
    const witness = namespace('witness');
    witness.ip(`link add here type veth peer name there netns ${container.name}`);
    const up = start(inside, file(text(4789, { endpoint: `, device: eth0, netns: ${container.name}` })));
    await up.ready(/endpoint c1: eth0 in /);
    const made = (): number => up.stderr.match(/^vtep: endpoint c1: eth0 in .* was recreated$/gm)?.length ?? 0;
    const restarts = [
      async () => up.ready(/is gone \(EBADFD\)$/),
      // Another namespace takes the name immediately.
      () => undefined,
      // A process keeps the previous namespace alive, and with it the device.
      () => undefined,
    ];
    for (const [i, between] of restarts.entries()) {
      const process = i === 2 ? container.start(['sh', '-c', 'echo in; sleep 60']) : undefined;
      await process?.line('stdout', /in/);
      command(['ip', 'netns', 'delete', container.name]);
      await between();
      command(['ip', 'netns', 'add', container.name]);
      await up.saying(() => made() === i + 1, `it recreated, ${i + 1} times`);
      assert.match(container.ip('address show dev eth0'), /02:42:0a:00:09:03[^]*inet 10\.0\.9\.3\//);
      assert.doesNotMatch(witness.ip('link show'), /here@/);
      if (process !== undefined) assert.match(up.stderr, /c1: the network namespace ".*" is now a different one$/m);
      process?.kill();
    }
    assert.equal((await up.stop()).status, 0);
    assert.throws(() => container.ip('link show dev eth0'), /does not exist/);
  });

  test('releases a namespace that it holds through a pre-existing device', async () => {
    const inside = namespace('keeper');
    const container = namespace('kept');
    const witness = namespace('watcher');
    witness.ip(`link add here type veth peer name there netns ${container.name}`);
    container.ip('tuntap add dev eth0 mode tap');
    const up = start(inside, file(text(4789, { endpoint: `, device: eth0, netns: ${container.name}` })));
    await up.ready(/endpoint c1: eth0 in /);
    command(['ip', 'netns', 'delete', container.name]);
    await up.ready(/^vtep: endpoint c1: the network namespace ".*" is gone$/);
    for (let waited = 0; witness.ip('link show').includes('here@') && waited < 10_000; waited += 20) await sleep(20);
    assert.doesNotMatch(witness.ip('link show'), /here@/);
    command(['ip', 'netns', 'add', container.name]);
    await up.ready(/was recreated$/);
    assert.equal((await up.stop()).status, 0);
  });

  test('applies the MAC, address and MTU of a reloaded config to an interface', async () => {
    const inside = namespace('anew');
    const before = text(4789);
    const config = file(before);
    const up = start(inside, config);
    await up.ready(/endpoint c1: c1/);
    writeFileSync(
      config,
      before.replace('10.0.9.3', '10.0.9.33').replaceAll('vtep: 127.0.0.3', 'vtep: 127.0.0.3, mtu: 1400'),
    );
    process.kill(up.pid ?? 0, 'SIGHUP');
    await up.ready(/configuration reloaded/);
    const shown = inside.ip('address show dev c1');
    assert.match(shown, /mtu 1350/);
    assert.match(shown, /02:42:0a:00:09:21/);
    assert.match(shown, /inet 10\.0\.9\.33\/32/);
    assert.equal((await up.stop()).status, 0);
    assert.throws(() => inside.ip('link show dev c1'), /does not exist/);
  });
});
