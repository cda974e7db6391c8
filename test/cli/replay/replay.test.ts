/** `vtep replay` from the command line. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fixture, missing } from '../../repository.js';
import { framesOf } from '../frames.js';
import { scratch, vtep } from '../run.js';

const folder = scratch();
const HTTP = fixture('vxlan/03-http-200k.c1.pcap');

/** Writes a file to the temporary directory. */
function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const CONFIG = file(
  'overlay.yaml',
  `nodes:
  node1: { vtep: 192.168.50.1, mac: "02:00:00:00:50:01" }
  node2: { vtep: 192.168.50.2, mac: "02:00:00:00:50:02" }
networks:
  net: { vni: 4097, subnet: 10.0.9.0/24, encrypted: true }
endpoints:
  c1: { network: net, node: node1, ip: 10.0.9.3 }
  c2: { network: net, node: node2, ip: 10.0.9.4 }
keys: [{ tag: 4, key: "4c6f72656d20697073756d20646f6c6f" }]
`,
);

describe('replay', () => {
  test('shows clear and encrypted side by side, both balanced', async () => {
    const call = await vtep(['replay', HTTP, '--both']);
    assert.equal(call.status, 0, call.stderr);
    assert.match(call.stdout, /^ +clear +encrypted \(swarm\)$/m);
    assert.match(call.stdout, /^ +frames in +264 +264$/m);
    assert.match(call.stdout, /^ +delivered intact +262 +262$/m);
    assert.match(call.stdout, /^ +balanced +yes +yes$/m);
    assert.match(call.stdout, /^ +NEIGH_ANSWERED: /m);
  });

  test('prints only what happened; --verbose prints rows of zeros too', async () => {
    const path = fixture('docker/03-vip-http.underlay.pcap');
    const zeros = /^ +[a-z ]+ +0 +0$/m;
    assert.doesNotMatch((await vtep(['replay', path, '--both'])).stdout, zeros);
    const { stdout } = await vtep(['replay', path, '--both', '--verbose']);
    assert.match(stdout, /^ {2}delivered changed +0 +0$/m);
    // A loss is shown for both runs, though it happened in one of them only.
    const lost = (await vtep(['replay', path, '--both', '--mtu', '1460', '--oversize', 'drop'])).stdout;
    assert.match(lost, /^ {2}dropped on egress +\d+ +[1-9]\d*$/m);
  });

  test('a config of another network is not a success: it says so, and --strict exits 1', async () => {
    const words = ['replay', fixture('docker/03-vip-http.underlay.pcap'), '--config', CONFIG, '--strict'];
    const { status, stderr } = await vtep(words);
    assert.equal(status, 1);
    assert.match(stderr, /no frame was delivered: the endpoints of the config aren't those of the capture/);
    const fitting = await vtep(['replay', HTTP, '--config', CONFIG, '--strict']);
    assert.deepEqual([fitting.status, fitting.stderr], [0, '']);
  });

  test('--json has one object per run', async () => {
    const report = JSON.parse((await vtep(['replay', HTTP, '--both', '--json', '--profile', 'strict'])).stdout);
    assert.deepEqual([report.kind, report.nodes, report.endpoints, report.vnis], ['frames', 2, 2, [4097]]);
    const [clear, sealed] = report.runs;
    assert.deepEqual([clear.encrypted, clear.exact, clear.cipher, clear.balanced], [false, 262, null, true]);
    assert.deepEqual([sealed.encrypted, sealed.profile, sealed.exact, sealed.wire.sealed], [true, 'strict', 262, 262]);
  });

  test('--rotate-every rotates by capture time, across loops', async () => {
    const path = fixture('esp/08-esp-key-rotation.c1.pcap');
    const out = join(folder, 'rotated.pcap');
    const words = ['replay', path, '--encrypt', '--rotate-every', '2', '--batch', '1', '--loops', '2', '--json'];
    const call = await vtep([...words, '--write-wire', out]);
    assert.equal(call.status, 0, call.stderr);
    const [run] = JSON.parse(call.stdout).runs;
    assert.deepEqual([run.balanced, run.missing, run.changed, run.exact], [true, 0, 0, 2 * 1137]);
    // Two passes of eleven and a half seconds.
    assert.ok(run.rotations >= 10 && run.rotations <= 12, `${run.rotations} rotations`);
    const { directions } = JSON.parse((await vtep(['keys', 'timeline', out, '--json'])).stdout);
    assert.equal(directions.length, 2);
    // The last one may come too late for a node to send with its key.
    for (const { spis } of directions) assert.ok([0, 1].includes(spis.length - run.rotations), `${spis.length} SPIs`);
  });

  test('counts packets without a complete frame: truncated ones, and on a wire also those without a frame', async () => {
    const cut = await vtep(['replay', fixture('vxlan/10-formats.snap96.pcap')]);
    assert.equal(cut.status, 0, cut.stderr);
    assert.match(cut.stdout, /^ +packets without a complete frame +[1-9]\d*$/m);
    const wire = fixture('docker/03-vip-http.underlay.pcap');
    const inspected = JSON.parse((await vtep(['inspect', wire, '--json'])).stdout);
    const [clear, sealed] = JSON.parse((await vtep(['replay', wire, '--both', '--loops', '2', '--json'])).stdout).runs;
    assert.ok(clear.withoutFrame > 0);
    assert.deepEqual([clear.frames, clear.withoutFrame], [2 * inspected.frames, 2 * inspected.accounting.other]);
    assert.equal(sealed.withoutFrame, clear.withoutFrame);
  });

  test('reads keys once for all runs and loops: one set of warnings, and each loop decrypts everything', async () => {
    const wire = fixture('esp/05-esp-aes256-icv128-esn.underlay.pcap');
    const dump = fixture('esp/05-esp-aes256-icv128-esn.xfrm.txt');
    const unused = 'src 10.0.0.1 dst 10.0.0.2\n\tproto ah spi 0x00000100 reqid 0 mode transport\n';
    const dumpAndMore = file('and-more.xfrm.txt', unused + readFileSync(dump, 'utf8'));
    const otherKeys = file(
      'other.xfrm.txt',
      readFileSync(dump, 'utf8').replaceAll(/0x[0-9a-f]{64}/g, `0x${'5a'.repeat(32)}`),
    );
    const keys = ['--keys', dumpAndMore, '--keys', otherKeys];
    const once = await vtep(['replay', wire, ...keys, '--json']);
    const often = await vtep(['replay', wire, ...keys, '--both', '--loops', '3', '--json']);
    assert.equal(often.status, 0, often.stderr);
    assert.match(once.stderr, /only ESP is supported/);
    assert.match(once.stderr, /has a different key in an earlier file/);
    assert.equal(often.stderr, once.stderr);
    const [{ frames }] = JSON.parse(once.stdout).runs;
    assert.ok(frames > 0);
    for (const run of JSON.parse(often.stdout).runs) assert.equal(run.frames, 3 * frames);
  });

  test('encrypts a config’s encrypted network without --encrypt', async () => {
    const report = JSON.parse((await vtep(['replay', HTTP, '--config', CONFIG, '--json'])).stdout);
    assert.equal(report.runs.length, 1);
    assert.deepEqual([report.runs[0].encrypted, report.runs[0].exact], [true, 262]);
  });

  for (const cipher of ['node', 'forge']) {
    test(`--aead ${cipher}`, async () => {
      const report = JSON.parse((await vtep(['replay', HTTP, '--encrypt', '--aead', cipher, '--json'])).stdout);
      assert.deepEqual([report.runs[0].cipher, report.runs[0].exact], [cipher, 262]);
    });
  }

  test('--write-wire writes a capture with the frames that were sent', async () => {
    const wire = join(folder, 'wire.pcap');
    const inner = join(folder, 'inner.pcap');
    assert.equal((await vtep(['replay', HTTP, '--config', CONFIG, '--write-wire', wire])).status, 0);
    const ring = file('ring.yaml', '[{ tag: 4, key: "4c6f72656d20697073756d20646f6c6f" }]');
    assert.equal((await vtep(['decap', wire, '--keys', ring, '-o', inner])).status, 0);
    const sent = new Set((await framesOf(HTTP)).map(({ hex }) => hex));
    const got = await framesOf(inner);
    assert.equal(got.length, 262);
    for (const { hex } of got) assert.ok(sent.has(hex));
  });

  test('tshark finds nothing malformed on the wire, including fragments', { skip: missing('tshark') }, async () => {
    const wire = join(folder, 'tshark.pcap');
    await vtep(['replay', HTTP, '--mtu', '900', '--write-wire', wire]);
    const fields = ['-T', 'fields', '-e', 'vxlan.vni', '-e', 'ip.checksum.status', '-e', 'udp.checksum.status'];
    const options = ['-o', 'ip.check_checksum:TRUE', '-o', 'udp.check_checksum:TRUE', '-E', 'occurrence=f'];
    const call = spawnSync('tshark', ['-r', wire, '-Y', 'vxlan || _ws.malformed', ...fields, ...options]);
    const lines = call.stdout.toString().trim().split('\n');
    assert.equal(lines.length, 262);
    assert.deepEqual([...new Set(lines)], ['4097\t1\t1']);
  });

  test('--strict exits 1 if something was lost, 0 otherwise', async () => {
    assert.equal((await vtep(['replay', HTTP, '--strict'])).status, 0);
    assert.equal((await vtep(['replay', HTTP, '--strict', '--loss', '0.5'])).status, 1);
  });

  test('--oversize drop drops and reports what does not fit', async () => {
    const report = JSON.parse((await vtep(['replay', HTTP, '--mtu', '900', '--oversize', 'drop', '--json'])).stdout);
    const [{ dropped, exact, missing: lost, balanced }] = report.runs;
    assert.ok(dropped.egress.PKT_TOO_BIG > 100 && exact > 0);
    assert.deepEqual([lost, balanced], [0, true]);
  });

  test('with a topology from Docker and the kernel, sends to the VTEPs in the dumps', async () => {
    const inspect = file(
      'inspect.json',
      JSON.stringify([
        {
          Name: 'net',
          Driver: 'overlay',
          IPAM: { Config: [{ Subnet: '10.0.9.0/24', Gateway: '10.0.9.1' }] },
          Containers: { a: { Name: 'c1', MacAddress: '02:42:0a:00:09:03', IPv4Address: '10.0.9.3/24' } },
          Options: { 'com.docker.network.driver.overlay.vxlanid_list': '4097' },
          Peers: [],
        },
      ]),
    );
    const fdb = file('fdb.txt', '02:42:0a:00:09:04 dev vxlan0 dst 192.168.50.2 link-netnsid 0 self permanent\n');
    const neigh = file('neigh.txt', '10.0.9.4 dev vxlan0 lladdr 02:42:0a:00:09:04 PERMANENT\n');
    const words = ['--vtep', 'n1=192.168.50.1', '--vtep', 'n2=192.168.50.2', '--docker', `n1=${inspect}`];
    const call = await vtep(['replay', HTTP, ...words, '--fdb', `n1=${fdb}`, '--neigh', `n1=${neigh}`, '--json']);
    assert.equal(call.status, 0, call.stderr);
    assert.match(call.stderr, /n2: no docker network inspect/);
    assert.equal(JSON.parse(call.stdout).runs[0].exact, 262);
  });
});

describe('replay with services', () => {
  const SWARM = fixture('docker/services.overlay.yaml');
  const WEB = ['replay', fixture('docker/03-vip-http.busybox1.pcap'), '--config', SWARM];

  test('takes requests to the tasks and recorded answers back, and shows what each task got', async () => {
    const { status, stdout } = await vtep(WEB);
    assert.equal(status, 0);
    assert.match(stdout, /^ +sent to a task +80$/m);
    assert.match(stdout, /^ +delivered as recorded +72$/m);
    const load = [...stdout.matchAll(/^ +node1, my-network +my-web +(my-web\.\d) +\S+ +(\d) +(\d+) +(\d+)$/gm)];
    assert.deepEqual(
      load.map(([, ...cells]) => cells),
      [
        ['my-web.3', '3', '35', '27'],
        ['my-web.2', '2', '22', '22'],
        ['my-web.1', '2', '23', '23'],
      ],
    );
  });

  test('--json has the same', async () => {
    const { stdout } = await vtep([...WEB, '--json']);
    const { runs } = JSON.parse(stdout) as { runs: { services: { balanced: number; exactAnswers: number } }[] };
    const [{ services }] = runs;
    assert.deepEqual([services.balanced, services.exactAnswers], [80, 72]);
  });

  test('an underlay’s packets were translated when they were recorded: they are only carried', async () => {
    const { stdout } = await vtep(['replay', fixture('docker/03-vip-http.underlay.pcap'), '--config', SWARM]);
    assert.doesNotMatch(stdout, /requests to services/);
    assert.match(stdout, /^ +balanced +yes$/m);
  });

  test('load balancers need one thread, and --ingress-node a node', async () => {
    const workers = await vtep([...WEB, '--workers', '2']);
    assert.deepEqual([workers.status, /need packets in order/.test(workers.stderr)], [2, true]);
    const node = await vtep([...WEB, '--ingress-node', 'node9']);
    assert.equal(node.status, 2);
    assert.match(node.stderr, /there is no node.*node9/);
  });
});

describe('replay refuses invalid arguments with exit 2 and one line:', () => {
  const CASES: [string, string[], RegExp][] = [
    ['no file', [], /needs a capture file/],
    ['a rotation without encryption', [HTTP, '--rotate-every', '1'], /needs --encrypt, --both/],
    ['a rotation every 0 s', [HTTP, '--encrypt', '--rotate-every', '0'], /from 1 to 1000000000/],
    ['a rotation interval that is not a number', [HTTP, '--both', '--rotate-every', 'x'], /takes an integer/],
    ['a rotation of one key', [HTTP, '--config', CONFIG, '--rotate-every', '1'], /a ring of at least 3 keys/],
    ['no worker', [HTTP, '--workers', '0'], /--workers takes an integer from 1 to 64, not "0"/],
    ['too many workers', [HTTP, '--workers', '65'], /--workers takes an integer from 1 to 64/],
    [
      'workers that rotate',
      [HTTP, '--encrypt', '--workers', '2', '--rotate-every', '1'],
      /--rotate-every needs packets in order/,
    ],
    ['workers that write', [HTTP, '--workers', '2', '--write-wire', 'x'], /--write-wire needs packets in order/],
    ['a probability above 1', [HTTP, '--loss', '1.5'], /--loss takes a number from 0 to 1/],
    ['a probability that is not a number', [HTTP, '--corrupt', 'x'], /--corrupt takes a number/],
    ['an empty probability', [HTTP, '--loss', ''], /--loss takes a number/],
    ['a batch of 0', [HTTP, '--batch', '0'], /--batch takes an integer from 1 to 256/],
    ['--esp-sa, which replay lacks', [HTTP, '--esp-sa', 'x'], /unknown option "--esp-sa"/],
    ['an unknown profile', [HTTP, '--profile', 'x'], /--profile takes swarm or strict/],
    ['an unknown cipher', [HTTP, '--encrypt', '--aead', 'x'], /--aead takes ipsec-mb, openssl, node or forge, not "x"/],
    ['a config that is not there', [HTTP, '--config', 'nowhere.yaml'], /nowhere.yaml: no such file/],
    [
      'a config that is wrong',
      [HTTP, '--config', file('bad.yaml', 'nodes: 7\n')],
      /bad.yaml:1:8: nodes: 7 is not a block of named nodes/,
    ],
    ['a node without an address', [HTTP, '--fdb', 'n1=x'], /needs --vtep n1=ADDRESS/],
    ['a value that is not a pair', [HTTP, '--vtep', 'x'], /takes NODE=VALUE/],
    ['config and import', [HTTP, '--config', CONFIG, '--vtep', 'n1=1.2.3.4'], /overlay network|are mutually exclusive/],
    ['a capture without packets', [fixture('vxlan/07-unknown-dst.underlay.pcap')], /nothing to replay/],
  ];
  for (const [name, words, message] of CASES) {
    test(name, async () => {
      const call = await vtep(['replay', ...words]);
      assert.equal(call.status, 2, call.stderr);
      assert.match(call.stderr, message);
      assert.equal(call.stdout, '');
      const lines = call.stderr.trimEnd().split('\n');
      assert.ok(lines.length === 1 || name === 'a capture without packets', call.stderr);
    });
  }
});
