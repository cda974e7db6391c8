/** The recipes of docs/recipes.md about devices, in a namespace where eth0 receives a recording again and again. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { scratch } from './cli/run.js';
import { blocksOf, pathWithVtep } from './document.js';
import { devicesMissing, Running, Veth } from './live/veth.js';
import { fixture, missing } from './repository.js';

const RECORDING = fixture('docker/07-encrypted.underlay.pcap');

describe('recipes about devices', { skip: devicesMissing() || missing('tshark') }, () => {
  const folder = scratch();
  const home = join(folder, 'home');
  let veth: Veth;
  before(() => {
    mkdirSync(home);
    copyFileSync(fixture('docker/swarm-keys.txt'), join(folder, 'keys.txt'));
    veth = new Veth();
    veth.ip('link', 'set', 'vh1b', 'down');
    veth.ip('link', 'set', 'vh1b', 'name', 'eth0');
    veth.ip('link', 'set', 'eth0', 'up');
  });
  after(() => veth.remove());

  /** Runs a recipe, and returns what it prints. */
  async function lines(heading: string): Promise<string[]> {
    const block = blocksOf('docs/recipes.md').find((one) => one.heading === heading);
    assert.equal(block?.language, 'sh');
    const env = {
      PATH: `${pathWithVtep()}:${process.env['PATH'] ?? ''}`,
      HOME: home,
      XDG_CONFIG_HOME: undefined,
      WIRESHARK_CONFIG_DIR: undefined,
      LC_ALL: 'C.UTF-8',
    };
    const words = ['netns', 'exec', veth.namespace, 'bash', '-e', '-c', `cd '${folder}'\n${block.text}`];
    const shell = new Running('ip', words, true, env);
    await veth.sendUntil(RECORDING, shell.ended);
    const { status, stdout, stderr } = await shell.ended;
    assert.equal(status, 0, stderr);
    return stdout.toString().trimEnd().split('\n');
  }

  test('Watch a device in tshark: prints inner packets', async () => {
    const printed = await lines('Watch a device in tshark');
    assert.equal(printed.length, 5);
    for (const line of printed) assert.match(line, /^10\.0\.11\.\d\t10\.0\.11\.\d\t[A-Z]+$/);
  });

  test('Pick an overlay in tshark: prints inner packets, with what was around them', async () => {
    const printed = (await lines('Pick an overlay in tshark')).filter((line) => line.startsWith('vni '));
    assert.equal(printed.length, 5);
    for (const line of printed) {
      const [network, source, destination, comment] = line.split('\t');
      assert.equal(network, 'vni 4099');
      for (const address of [source, destination]) assert.match(address, /^10\.0\.11\.\d$/);
      assert.match(
        comment,
        /^VXLAN VNI 4099, 192\.168\.50\.[12]:\d+ -> 192\.168\.50\.[12]:4789; ESP SPI 0x(c207fc1c|98a1ca54), sequence number \d+, \d+ bytes$/,
      );
    }
  });
});
