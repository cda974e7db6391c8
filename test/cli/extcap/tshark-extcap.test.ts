/**
 * tshark captures from vtep's interfaces, in a namespace into which recordings are injected. Decrypted frames are the
 * subject of a recipe: test/recipes-live.test.ts.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { devicesMissing, Running, Veth } from '../../live/veth.js';
import { fixture, missing } from '../../repository.js';
import { scratch, vtepProcess } from '../run.js';

const ENCRYPTED = fixture('docker/07-encrypted.underlay.pcap');
const CLEAR = fixture('docker/03-vip-http.underlay.pcap');
const WANTED = 40;

describe('tshark with vtep extcap', { skip: devicesMissing() || missing('tshark') }, () => {
  const home = scratch();
  // All of Wireshark's folders are in the test's own.
  const env = { HOME: home, XDG_CONFIG_HOME: undefined, WIRESHARK_CONFIG_DIR: undefined, LC_ALL: 'C.UTF-8' };
  const fifo = join(home, 'pipe');
  let veth: Veth;
  before(() => {
    veth = new Veth();
    assert.equal(spawnSync('mkfifo', [fifo]).status, 0);
    const { status, stdout, stderr } = vtepProcess(['extcap', '--install'], undefined, { ...env, COLUMNS: '1000' });
    assert.equal(status, 0, stderr);
    assert.match(stdout, new RegExp(`^Installed ${home}/.*extcap/vtep$`, 'm'));
  });
  after(() => veth.remove());

  /** Runs tshark until it has its packets, which are sent again and again. */
  async function captured(
    recording: string,
    options: readonly string[],
    fields: readonly string[],
  ): Promise<string[][]> {
    const shown = ['-T', 'fields', ...fields.flatMap((field) => ['-e', field])];
    const words = ['-i', 'vtep-vh1b', '-c', String(WANTED), '-l', ...options, ...shown];
    const tshark = new Running('ip', ['netns', 'exec', veth.namespace, 'tshark', ...words], true, env);
    await veth.sendUntil(recording, tshark.ended);
    const { status, stdout, stderr } = await tshark.ended;
    assert.equal(status, 0, stderr);
    // What the extcap writes there is shown as an error.
    assert.doesNotMatch(stderr, /extcap pipe/i);
    const rows = stdout.toString().trimEnd().split('\n');
    assert.equal(rows.length, WANTED, stderr);
    return rows.map((row) => row.split('\t'));
  }

  test('lists the devices of its network namespace', () => {
    const words = ['netns', 'exec', veth.namespace, 'tshark', '-D'];
    const { stdout } = spawnSync('ip', words, { encoding: 'utf8', env: { ...process.env, ...env } });
    for (const name of ['vtep-lo', 'vtep-vh1a', 'vtep-vh1b', 'vtep-any']) {
      assert.match(stdout, new RegExp(`^\\d+\\. ${name} \\(vtep: inner frames of `, 'm'));
    }
  });

  test('without keys, shows ESP as it is, and says so; a filter is about packets of the wire', async () => {
    const fields = ['frame.interface_name', 'ip.src', 'esp.spi', 'frame.comment'];
    for (const [name, source, spi, comment] of await captured(ENCRYPTED, ['-f', 'src host 192.168.50.1'], fields)) {
      assert.deepEqual([name, source], ['vh1b, not decoded', '192.168.50.1']);
      assert.match(comment, new RegExp(`^not decrypted: there are no keys; ESP SPI ${spi}, sequence number \\d+, `));
    }
  });

  test('lets its reader end if the device can’t be captured from: tshark would wait for ever', async () => {
    const reader = new Running('cat', [fifo]);
    const words = ['--extcap-interface', 'vtep-vh1b', '--extcap-capture-filter', 'nonsense', '--fifo', fifo];
    const { status, stderr } = await veth.run(['extcap', '--capture', ...words]);
    assert.equal(status, 2);
    assert.match(stderr, /^vtep: libpcap rejects the filter: [^\n]+\n$/);
    assert.equal((await reader.ended).status, 0);
  });

  test('ends well if its reader goes away', async () => {
    const reader = new Running('cat', [fifo]);
    const words = ['--extcap-interface', 'vtep-vh1b', '--vni', '4097', '--fifo', fifo];
    const extcap = veth.start(['extcap', '--capture', ...words]);
    const read = async (): Promise<void> => {
      await reader.prints('vni 4097');
      reader.child.kill();
      await extcap.ended;
    };
    await veth.sendUntil(CLEAR, read());
    const { status, stderr } = await extcap.ended;
    assert.deepEqual([status, stderr], [0, '']);
  });
});
