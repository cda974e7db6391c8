/** `vtep inspect` with names: `--swarm` and `--config`. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { SurveyReport } from '../../../src/inspect/index.js';
import { DUMPS } from '../../inspect/services/recorded-swarm.js';
import { fixture } from '../../repository.js';
import { scratch, vtep } from '../run.js';

const folder = scratch();
const VIP = fixture('docker/03-vip-http.underlay.pcap');
const INGRESS = fixture('docker/05-ingress.underlay.pcap');
const SWARM = DUMPS.flatMap((path) => ['--swarm', fixture(path)]);

/** The recorded swarm as a config. */
const CONFIG = `
nodes: { node1: { vtep: 192.168.50.1 }, node2: { vtep: 192.168.50.2 } }
networks:
  ingress: { subnet: 10.0.0.0/24, ingress: true }
  my-network: { subnet: 10.0.9.0/24, attachable: true }
services:
  my-web:
    networks: [my-network]
    ports: ["8080:80"]
    tasks: [{ slot: 3, node: node2 }, { slot: 1, node: node1 }, { slot: 2, node: node2 }]
`;

async function output(...args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await vtep(['inspect', ...args], { columns: 80 });
  assert.equal(status, 0, stderr);
  assert.equal(stderr, '');
  return stdout;
}

/** The lines of a section, without its title. */
function section(text: string, title: string): string[] {
  const lines = text.split('\n');
  const start = lines.indexOf(title);
  assert.ok(start >= 0, text);
  return lines.slice(start + 1, lines.indexOf('', start));
}

describe('vtep inspect --swarm', () => {
  test('prints the load of each backend behind a virtual IP', async () => {
    assert.deepEqual(section(await output(VIP, ...SWARM), 'Services'), [
      '                        address       node   conns  packets   bytes  share',
      '  my-web on my-network  10.0.9.2 VIP             6      171  79,610',
      '    my-web.3            10.0.9.3      node2      3      109  74,774  93.9%',
      '    my-web.1            10.0.9.4      node1      1       18   1,436   1.8%',
      '    my-web.2            10.0.9.5      node2      2       44   3,400   4.3%',
      '  No packets of: my-busybox, mtu-web, sec-web',
    ]);
  });

  test('prints the load of published ports, and what clients sent to the nodes', async () => {
    assert.deepEqual(section(await output(INGRESS, ...SWARM), 'Services'), [
      '                          address       node   conns  packets  bytes  share',
      '  my-web on ingress       10.0.0.4 VIP             6      124  9,804',
      '    clients at port 8080                           4       84  6,628',
      '    my-web.3              10.0.0.5      node2      2       40  3,182  32.5%',
      '    my-web.1              10.0.0.6      node1      2       40  3,182  32.5%',
      '    my-web.2              10.0.0.7      node2      2       44  3,440  35.1%',
      '  No packets of: my-busybox, mtu-web, sec-web',
    ]);
  });

  test('names endpoints and the ends of conversations', async () => {
    const tables = section(await output(INGRESS, ...SWARM), 'Endpoints');
    assert.match(tables.join('\n'), /4096 {2}10\.0\.0\.2 {2}lb ingress@node1 {2}192\.168\.50\.1/);
    const flows = await output(INGRESS, ...SWARM, '--flows', '--outside');
    assert.match(flows, /TCP {4}lb ingress@node2:36016 {2,}my-web\.1:8080/);
    assert.match(flows, /192\.168\.50\.254:53790 {2,}node1:8080/);
    assert.ok(section(flows, 'Services').length === 7);
  });

  test('names a virtual IP where a load balancer was captured', async () => {
    const flows = await output(fixture('docker/03-vip-http.node1-lb-eth0.pcap'), ...SWARM, '--flows');
    assert.match(flows, /my-busybox\.2:55302 +my-web \(VIP\):80/);
    assert.match(section(flows, 'Services').join('\n'), /clients at the VIP +7 +164 +79,524/);
  });

  test('says that a container attached later has no name', async () => {
    const text = await output(fixture('docker/08-scale-and-attach.underlay.pcap'), ...SWARM);
    assert.match(text, /10\.0\.9\.13 {2}unknown/);
    assert.match(text, /NAME_UNKNOWN/);
    assert.match(text, /^Services: no packets of any$/m);
  });

  test('no line is longer than a terminal of 80 columns', async () => {
    for (const args of [[VIP], [INGRESS], [VIP, '--flows'], [INGRESS, '--flows', '--outside']]) {
      for (const line of (await output(...args, ...SWARM)).split('\n')) assert.ok(line.length <= 80, line);
    }
  });

  test('--json has names and services; without names there are none', async () => {
    const named = JSON.parse(await output(VIP, ...SWARM, '--json')) as SurveyReport;
    assert.equal(named.flows, null);
    assert.equal(named.services?.[0].backends[0].name, 'my-web.3');
    const endpoint = named.endpoints.find(({ ip }) => ip === '10.0.9.6');
    assert.deepEqual([endpoint?.name, endpoint?.stale], ['lb my-network@node2', false]);
    const bare = JSON.parse(await output(VIP, '--json')) as SurveyReport;
    assert.equal(bare.services, null);
    assert.ok(bare.endpoints.every((row) => !('name' in row) && !('stale' in row)));
  });

  test("a dump's control characters don't reach the output", async () => {
    const path = join(folder, 'odd.json');
    writeFileSync(
      path,
      JSON.stringify([
        { ID: 'n', Description: { Hostname: 'a\u001b[31m' }, Status: { Addr: '192.168.50.1' } },
        {
          Name: 'net\u0007',
          Driver: 'overlay',
          IPAM: { Config: [{ Subnet: '10.0.9.0/24' }] },
          Options: { 'com.docker.network.driver.overlay.vxlanid_list': '4097' },
          Services: {
            'w\u0000eb': {
              VIP: '10.0.9.2',
              Tasks: [{ Name: 'w\u0000eb.1.x', EndpointIP: '10.0.9.3', Info: { 'Host IP': '192.168.50.1' } }],
            },
          },
        },
      ]),
    );
    const { status, stdout, stderr } = await vtep(['inspect', VIP, '--swarm', path], { columns: 80 });
    assert.equal(status, 0);
    assert.match(stdout, /w\\u0000eb\.1/);
    // eslint-disable-next-line no-control-regex -- what must not be there
    assert.doesNotMatch(stdout + stderr, /[\u0000-\u0009\u000b-\u001f]/);
  });

  test('refuses what is no dump, and --swarm beside --config, with exit status 2', async () => {
    const config = join(folder, 'swarm.yaml');
    writeFileSync(config, CONFIG);
    for (const [args, message] of [
      [['--swarm', VIP], /03-vip-http\.underlay\.pcap: no output of docker network, .*it looks like a binary file/],
      [['--swarm', join(folder, 'none.json')], /none\.json/],
      [['--swarm', fixture(DUMPS[0]), '--config', config], /--config and --swarm are mutually exclusive/],
    ] as const) {
      const { status, stderr } = await vtep(['inspect', VIP, ...args]);
      assert.equal(status, 2, stderr);
      assert.match(stderr, message);
    }
  });
});

describe('vtep inspect --config', () => {
  test('gives the same load as the dumps of the same swarm', async () => {
    const config = join(folder, 'overlay.yaml');
    writeFileSync(config, CONFIG);
    for (const capture of [VIP, INGRESS]) {
      const [planned, dumped] = await Promise.all([output(capture, '--config', config), output(capture, ...SWARM)]);
      const rows = (text: string): string[] => section(text, 'Services').filter((line) => !line.includes('No packets'));
      assert.deepEqual(rows(planned), rows(dumped));
    }
  });
});

describe('vtep replay --swarm', () => {
  test('takes the network from the dumps', async () => {
    const capture = fixture('docker/06-mtu-1300.underlay.pcap');
    const { status, stdout, stderr } = await vtep([
      'replay',
      capture,
      ...SWARM,
      '--ring',
      fixture('docker/swarm-keys.txt'),
    ]);
    assert.equal(status, 0, stdout + stderr);
    assert.equal(stderr, '');
  });
});
