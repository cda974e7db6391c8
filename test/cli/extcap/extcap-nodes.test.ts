/** Running nodes as interfaces. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { extcapInterfaces, extcapTarget } from '../../../src/cli/extcap/extcap-interfaces.js';
import { LiveVtep, nodeSections, StatusServer } from '../../../src/live/index.js';
import { portOf } from '../../live/loopback.js';
import { ListPort } from '../../live/memory-underlay.js';
import { swarm } from '../../live/services/swarm.js';
import { devicesMissing, Running } from '../../live/veth.js';
import { vxlan } from '../../dataplane/build.js';
import { MAIN, scratch } from '../run.js';

const PORT = portOf(6);
const FRAME = Buffer.from(`02420a00090302420a00090488b5${'00'.repeat(46)}`, 'hex');

describe('nodes as interfaces', { skip: process.platform === 'linux' ? false : 'needs Linux' }, () => {
  const runtime = scratch();
  const before_ = process.env['XDG_RUNTIME_DIR'];
  let vtep: LiveVtep;
  let server: StatusServer;
  before(async () => {
    process.env['XDG_RUNTIME_DIR'] = runtime;
    mkdirSync(join(runtime, 'vtep'), { mode: 0o700 });
    vtep = await LiveVtep.open({
      topology: swarm({ port: PORT }),
      node: 'node1',
      sockets: 'node',
      portOf: () => new ListPort(),
    });
    const context = { version: '1.2.3', reloads: { taken: 0, refused: 0 }, seconds: 5 };
    const path = join(runtime, 'vtep', 'extcap-test-node1.sock');
    server = await StatusServer.listen(
      path,
      nodeSections(vtep, () => context, vtep.clock),
    );
  });
  after(async () => {
    server.close();
    await vtep.close();
    if (before_ === undefined) delete process.env['XDG_RUNTIME_DIR'];
    else process.env['XDG_RUNTIME_DIR'] = before_;
  });

  test('are listed by their sockets, with name and address', async () => {
    const found = (await extcapInterfaces()).find(({ value }) => value === 'vtep-node-extcap-test-node1');
    assert.equal(found?.display, 'vtep: inner frames of node node1 (127.0.0.2)');
  });

  test('are captured from where their address is, with their port and the names of networks', async () => {
    const target = await extcapTarget('vtep-node-extcap-test-node1');
    assert.deepEqual(
      [target.device, target.vtep, target.port, [...target.names]],
      ['any', '127.0.0.2', PORT, [[4097, 'my-network']]],
    );
  });

  test('show their packets, and those of no other VTEP', { skip: devicesMissing() }, async () => {
    const words = ['extcap', '--capture', '--extcap-interface', 'vtep-node-extcap-test-node1', '--fifo', '-'];
    const extcap = new Running(process.execPath, [MAIN, ...words]);
    const socket = createSocket('udp4');
    const datagram = vxlan(4097, FRAME);
    try {
      while (!extcap.printed.includes('VXLAN VNI 4097 (my-network), ') && extcap.child.exitCode === null) {
        for (const address of ['127.0.0.7', '127.0.0.2']) {
          await new Promise((done) => socket.send(datagram, PORT, address, done));
        }
        await sleep(20);
      }
    } finally {
      socket.close();
      extcap.child.kill('SIGTERM');
    }
    const { status, stdout, stderr } = await extcap.ended;
    assert.deepEqual([status, stderr], [0, '']);
    const text = stdout.toString('latin1');
    assert.ok(text.includes('vni 4097 (my-network)'));
    assert.match(text, /VXLAN VNI 4097 \(my-network\), 127\.0\.0\.\d:\d+ -> 127\.0\.0\.2:/);
    assert.ok(!text.includes('127.0.0.7'));
  });
});
