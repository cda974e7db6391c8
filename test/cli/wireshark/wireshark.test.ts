/** What `vtep wireshark` writes opens recordings in tshark, decrypted. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fixture, missing } from '../../repository.js';
import { MAIN, scratch, vtep } from '../run.js';

const folder = scratch();
const DOCKER = fixture('docker/07-encrypted.underlay.pcap');
const CLEAR = fixture('vxlan/01-icmp.underlay.pcap');
const RING = fixture('docker/swarm-keys.txt');
const KEY = /[0-9a-f]{32}/;

/** Runs a command that was printed, with more arguments, and returns its lines. */
function shell(command: string, more: string, env: NodeJS.ProcessEnv = {}): string[] {
  const run = spawnSync('sh', ['-c', `${command} ${more}`], { encoding: 'utf8', env: { ...process.env, ...env } });
  assert.equal(run.status, 0, run.stderr);
  return run.stdout.trimEnd().split('\n');
}

const FIELDS = '-T fields -E separator=, -E occurrence=l -e esp.icv_good -e esp.icv_bad -e vxlan.vni';

describe('vtep wireshark', () => {
  const own = join(folder, 'a folder');

  test('writes the files with mode 0600, prints commands and no key', async () => {
    const { status, stdout, stderr } = await vtep(['wireshark', DOCKER, '--keys', RING, '-o', own]);
    assert.equal(status, 0, stderr);
    assert.deepEqual(readdirSync(own).sort(), ['esp_sa', 'preferences']);
    assert.equal(statSync(own).mode & 0o777, 0o700);
    for (const name of readdirSync(own)) assert.equal(statSync(join(own, name)).mode & 0o777, 0o600, name);
    assert.match(readFileSync(join(own, 'esp_sa'), 'utf8'), KEY);
    assert.doesNotMatch(stdout + stderr, KEY);
    assert.deepEqual(stdout.trimEnd().split('\n'), [
      `WIRESHARK_CONFIG_DIR='${own}' wireshark -r ${DOCKER}`,
      `WIRESHARK_CONFIG_DIR='${own}' tshark -r ${DOCKER}`,
    ]);
    assert.match(stderr, /^126 of 126 ESP packets decrypted by /m);
  });

  test('replaces its own files, and no others', async () => {
    assert.equal((await vtep(['wireshark', DOCKER, '--keys', RING, '-o', own])).status, 0);
    const foreign = join(folder, 'foreign');
    mkdirSync(foreign);
    writeFileSync(join(foreign, 'preferences'), 'gui.fileopen.style: LAST_OPENED\n');
    const { status, stderr } = await vtep(['wireshark', DOCKER, '--keys', RING, '-o', foreign]);
    assert.equal(status, 2);
    assert.match(stderr, /has files that vtep didn't write/);
    assert.deepEqual(readdirSync(foreign), ['preferences']);
  });

  test('--json has the folder, its files and the counts, and no key', async () => {
    const { stdout } = await vtep(['wireshark', DOCKER, '--keys', RING, '-o', own, '--json']);
    const report = JSON.parse(stdout) as Record<string, unknown>;
    assert.deepEqual([report['espPackets'], report['opened'], report['checksIcv']], [126, 126, true]);
    assert.deepEqual([report['output'], report['files']], [own, ['esp_sa', 'preferences']]);
    assert.doesNotMatch(stdout, KEY);
  });

  test('with keys that open nothing, --strict exits with 1 and the reason is printed', async () => {
    const keys = fixture('esp/01-esp-docker-aes128-icv64.xfrm.txt');
    const { status, stderr } = await vtep([
      'wireshark',
      DOCKER,
      '--keys',
      keys,
      '-o',
      join(folder, 'none'),
      '--strict',
    ]);
    assert.equal(status, 1);
    assert.match(stderr, /^0 of 126 ESP packets decrypted by /m);
  });

  for (const [words, message] of [
    [[CLEAR, '-o', join(folder, 'bad')], /Wireshark opens it without help; --keys FILE decrypts ESP/],
    [[DOCKER, '--keys', RING], /needs -o FOLDER or --profile NAME/],
    [[DOCKER, '--keys', RING, '-o', '-'], /-o takes a folder/],
    [['-', '--keys', RING, '-o', 'x'], /takes a file/],
    [[DOCKER, '--keys', RING, '--profile', '../x'], /--profile takes a name/],
    [[DOCKER, '--keys', RING, '--profile', 'x', '-o', 'x'], /mutually exclusive/],
    [[DOCKER, '--keys', DOCKER, '-o', join(folder, 'bad')], /./],
  ] as const) {
    test(`${words.slice(1).join(' ')} is refused, and nothing is written`, async () => {
      const { status, stdout, stderr } = await vtep(['wireshark', ...words]);
      assert.deepEqual([status, stdout], [2, '']);
      assert.match(stderr, message);
      assert.ok(!existsSync(join(folder, 'bad')));
    });
  }
});

describe('tshark with the files of vtep wireshark', { skip: missing('tshark') }, () => {
  /** The commands that vtep prints for a recording, with its number of ESP packets. */
  async function prepared(name: string, keys: string): Promise<{ command: string; esp: number; checks: boolean }> {
    const own = join(folder, name);
    const path = fixture(`${name}.underlay.pcap`);
    mkdirSync(join(own, '..'), { recursive: true });
    const { status, stdout, stderr } = await vtep(['wireshark', path, '--keys', fixture(keys), '-o', own]);
    assert.equal(status, 0, stderr);
    const esp = Number(/^([\d,]+) of /m.exec(stderr)?.[1].replaceAll(',', ''));
    return { command: stdout.trimEnd().split('\n')[1], esp, checks: !stderr.includes("doesn't check the ICVs") };
  }

  for (const [name, keys] of [
    ['docker/07-encrypted', 'docker/swarm-keys.txt'],
    ['esp/05-esp-aes256-icv128-esn', 'esp/05-esp-aes256-icv128-esn.xfrm.txt'],
    ['esp/09-esp-frag-1500', 'esp/09-esp-frag-1500.xfrm.txt'],
    ['esp/12-esp-tunnel', 'esp/12-esp-tunnel.xfrm.txt'],
    ['esp/13-esp-natt', 'esp/13-esp-natt.xfrm.txt'],
    ['esp/14-esp-ipv6', 'esp/14-esp-ipv6.xfrm.txt'],
  ] as const) {
    test(`${name}: each ESP packet is an inner frame, with a good ICV`, async () => {
      const { command, esp, checks } = await prepared(name, keys);
      const rows = shell(command, `-Y esp ${FIELDS}`).filter((row) => row !== ',,');
      const frames = rows.filter((row) => /,\d+$/.test(row));
      assert.ok(name.includes('frag') ? frames.length < esp : frames.length === esp, `${frames.length} of ${esp}`);
      if (checks) for (const row of frames) assert.match(row, /^(1|True),(0|False)?,\d+$/);
    });
  }

  test('VXLAN on another port is VXLAN there, too, whether --port names it or not', async () => {
    const port = 8472;
    const original = readFileSync(CLEAR);
    // The recording with its UDP destination port changed.
    const moved = Buffer.from(original.toString('latin1').replaceAll('\x12\xb5', '\x21\x18'), 'latin1');
    const path = join(folder, 'moved.pcap');
    writeFileSync(path, moved);
    const commands = [];
    for (const [i, more] of [[], ['--port', String(port)]].entries()) {
      const own = join(folder, `moved-${i}`);
      const { stdout, stderr } = await vtep(['wireshark', path, '-o', own, ...more]);
      assert.equal(stderr, 'VXLAN also on UDP port 8472\n');
      assert.deepEqual(readdirSync(own).sort(), ['decode_as_entries', 'preferences']);
      commands.push(stdout.trimEnd().split('\n')[1]);
    }
    const [one, other] = [0, 1].map((i) => readFileSync(join(folder, `moved-${i}`, 'decode_as_entries'), 'utf8'));
    assert.equal(one, other);
    assert.equal(new Set(shell(commands[0], '-Y vxlan -T fields -e vxlan.vni')).size, 1);
  });

  test('--profile writes a profile of the user’s configuration', () => {
    const home = join(folder, 'home');
    mkdirSync(home);
    const env = { HOME: home, XDG_CONFIG_HOME: undefined, WIRESHARK_CONFIG_DIR: undefined };
    const words = ['wireshark', DOCKER, '--keys', RING, '--profile', 'incident 7'];
    const [, command] = shell(`'${process.execPath}' '${MAIN}' ${words.map((word) => `'${word}'`).join(' ')}`, '', env);
    assert.equal(command, `tshark -C 'incident 7' -r ${DOCKER}`);
    assert.ok(shell(command, `-Y vxlan ${FIELDS}`, env).every((row) => /^(1|True),(0|False)?,4099$/.test(row)));
  });
});
