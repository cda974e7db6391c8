/**
 * An encrypted network of a real swarm: two `vtep join` nodes exchange ESP with the swarm's keys. No Docker engine takes
 * part in it, since kernels without ESP are common where tests run.
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { scratch, vtep } from '../../cli/run.js';
import { engineRequirements } from '../../join/docker-engine.js';
import { decryptedByTshark } from '../../live/namespaces/decrypted-by-tshark.js';
import { type NetworkNamespace } from '../../live/namespaces/network-namespace.js';
import { PacketCapture } from '../../live/namespaces/packet-capture.js';
import { missing } from '../../repository.js';
import { DockerSwarmLab, UNDERLAY } from './docker-swarm-lab.js';
import { eventually } from './eventually.js';
import { JoinProcess } from './join-process.js';
import { Transcript } from './transcript.js';

const MANAGER = '192.168.83.1';
const NETWORK = 'secret';
const VNI = 4097;
const PINGS = 5;

/** A node, its endpoint's namespace, and the endpoint's address. */
interface Joined {
  readonly host: NetworkNamespace;
  readonly hostAddress: string;
  readonly probe: NetworkNamespace;
  readonly process: JoinProcess;
  readonly address: string;
}

describe('an encrypted network of a Docker swarm', { skip: engineRequirements() }, () => {
  const folder = scratch();
  const tokenFile = join(folder, 'token');
  const lab = new DockerSwarmLab('192.168.83');
  let transcript: Transcript;
  let nodes: readonly [Joined, Joined];
  let token: string;

  async function joined(name: string): Promise<Joined> {
    const { namespace: host, address: hostAddress } = lab.host(name);
    const probe = lab.bench.namespace(`${name}-probe`);
    const own = join(folder, name);
    mkdirSync(own);
    const words = ['--attach', NETWORK, '--netns', probe.name, '--device', 'eth0'];
    const process = new JoinProcess(host, { manager: MANAGER, name, folder: own, words });
    await process.start(tokenFile);
    const { attachments } = await process.status('attachments');
    return { host, hostAddress, probe, process, address: attachments.rows[0].address.split('/')[0] };
  }

  before(async () => {
    const [manager] = await lab.startSwarm(1);
    manager.docker(`network create --driver overlay --attachable --opt encrypted --subnet 10.78.0.0/24 ${NETWORK}`);
    token = manager.docker('swarm join-token -q worker');
    writeFileSync(tokenFile, token, { mode: 0o600 });
    nodes = [await joined('a'), await joined('b')];
    const prefix = nodes[0].probe.name.slice(0, -'a-probe'.length);
    transcript = new Transcript([
      [prefix, ''],
      [folder, '.'],
    ]);
    transcript.head('An encrypted network');
    for (const { process } of nodes) transcript.note(`$ vtep ${process.words.join(' ')}\n${process.said}`);
  });
  after(() => lab.close());

  test("two nodes ping each other, and only ESP crosses between them; tshark decrypts it with the swarm's keys", async (t) => {
    const [a, b] = nodes;
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      await eventually(
        () => from.probe.call(['ping', '-c', '1', '-W', '1', to.address]),
        () => true,
        'a ping',
      );
    }
    const wire = join(folder, 'esp.pcap');
    const capture = await PacketCapture.start(a.host, UNDERLAY, wire, 'ip proto 50 or udp port 4789 or icmp');
    const ping = ['ping', '-c', String(PINGS), '-i', '0.2', '-W', '5', b.address];
    transcript.ran('a-probe', ping.join(' '), a.probe.call(ping));
    await capture.stop();
    const summary = a.host.call(['tcpdump', '-n', '-r', wire]);
    transcript.ran('a', 'tcpdump -n -r esp.pcap', summary);
    const packets = summary.trimEnd().split('\n');
    assert.ok(packets.length >= 2 * PINGS, summary);
    for (const line of packets) assert.match(line, /ESP\(spi=0x[\da-f]{8},seq=0x[\da-f]+\)/);

    await t.test("tshark decrypts them with the swarm's keys", { skip: missing('tshark') }, async () => {
      const ring = join(folder, 'ring.yaml');
      const options = { managers: [MANAGER], token, stateDirectory: join(folder, 'ring-state'), hostname: 'reader' };
      const child = join(import.meta.dirname, 'ring-child.js');
      const { status, stderr } = await b.host
        .start([process.execPath, child, JSON.stringify(options), ring])
        .end(40_000);
      assert.equal(status, 0, stderr);
      const sas = join(folder, 'esp_sa');
      const decap = await vtep(['decap', wire, '-o', join(folder, 'inner.pcap'), '--keys', ring, '--esp-sa', sas]);
      assert.equal(decap.status, 0, decap.stderr);
      const rows = decryptedByTshark(wire, sas, folder);
      transcript.ran('a', 'tshark: ICV good, ICV bad, VNI, inner source', rows.join('\n'));
      assert.equal(rows.length, packets.length);
      const of = (address: string): number => rows.filter((row) => row === `1,0,${VNI},${address}`).length;
      assert.ok(of(a.address) >= PINGS && of(b.address) >= PINGS, rows.join('\n'));
      assert.ok(
        rows.every((row) => row.startsWith(`1,0,${VNI},`)),
        rows.join('\n'),
      );
    });
  });

  test('each ends with its addresses given back', async () => {
    for (const { process } of nodes) {
      const { status, stderr } = await process.stop();
      assert.equal(status, 0, stderr);
      assert.match(stderr, new RegExp(`detached ${NETWORK}: `));
    }
  });
});
