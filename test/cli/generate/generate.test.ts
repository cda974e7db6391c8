/** `vtep generate`: files, keys beside them, reports. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { MAIN, scratch, vtep, vtepProcess } from '../run.js';

const folder = scratch();

describe('vtep generate', () => {
  test('an encrypted capture has its keys and config beside it, for its owner alone, and inspect opens it with each', async () => {
    const path = join(folder, 'wire.pcap');
    const made = await vtep(['generate', '-o', path, '--encrypted', '--packets', '500']);
    assert.equal(made.status, 0, made.stderr);
    assert.match(
      made.stderr,
      /keys, config and networks -> .*wire\.esp_sa, .*wire\.xfrm\.sh, .*wire\.yaml, .*wire\.networks\.json/,
    );
    for (const suffix of ['esp_sa', 'yaml', 'xfrm.sh', 'networks.json']) {
      assert.equal(statSync(join(folder, `wire.${suffix}`)).mode & 0o777, 0o600);
    }
    for (const suffix of ['esp_sa', 'yaml']) {
      const shown = await vtep(['inspect', path, '--keys', join(folder, `wire.${suffix}`), '--json']);
      const { esp, problems } = JSON.parse(shown.stdout);
      assert.deepEqual(problems, []);
      for (const { packets, opened } of esp) assert.equal(opened, packets);
    }
  });

  test('a clear capture has nothing beside it', async () => {
    const path = join(folder, 'clear.pcapng');
    assert.equal((await vtep(['generate', '-o', path, '--packets', '50'])).status, 0);
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith('clear')),
      ['clear.pcapng'],
    );
    assert.equal(readFileSync(path).readUInt32LE(0), 0x0a0d0d0a);
  });

  test('nothing is written beside a device', async () => {
    const { status } = await vtep(['generate', '-o', '/dev/null', '--encrypted', '--packets', '100']);
    assert.equal(status, 0);
    assert.ok(!existsSync('/dev/null.esp_sa'));
  });

  test('--json is the ground truth', async () => {
    const path = join(folder, 'fault.pcap');
    const { stdout, status } = await vtep([
      'generate',
      '-o',
      path,
      '--fault',
      'arp-in-tunnel',
      '--packets',
      '100',
      '--json',
    ]);
    assert.equal(status, 0);
    const { faults, packets } = JSON.parse(stdout);
    assert.equal(faults.length, 1);
    assert.equal(faults[0].fault, 'arp-in-tunnel');
    assert.deepEqual(faults[0].nodes, ['node3', 'node4']);
    assert.ok(faults[0].packets.every((number: number) => number <= packets));
    assert.doesNotMatch(stdout, /[0-9a-f]{32}/);
  });

  test('two workers write the same file as one', async () => {
    const [one, two] = [join(folder, 'one.pcap'), join(folder, 'two.pcap')];
    const options = ['--encrypted', '--packets', '4000', '--seed', '5', '--fault', 'mtu-too-big', '--json'];
    const alone = await vtep(['generate', '-o', one, ...options]);
    const both = await vtep(['generate', '-o', two, '--workers', '2', ...options]);
    assert.equal(both.status, 0, both.stderr);
    assert.ok(readFileSync(one).equals(readFileSync(two)));
    const faultsOf = (text: string): unknown => JSON.parse(text).faults;
    assert.deepEqual(faultsOf(both.stdout), faultsOf(alone.stdout));
  });

  test('-o - writes the capture to standard output, and no keys', () => {
    const { status, stdoutBytes, stderr } = vtepProcess(['generate', '-o', '-', '--packets', '100', '--encrypted']);
    assert.equal(status, 0, stderr);
    assert.equal(stdoutBytes.readUInt32LE(0), 0xa1b23c4d);
  });

  test('a reader that closes the pipe ends it, with one thread and with two', () => {
    for (const workers of ['1', '2']) {
      const command = `"${process.execPath}" "${MAIN}" generate -o - --bytes 30M --workers ${workers} | head -c 100 | wc -c`;
      const { stdout, stderr } = spawnSync('sh', ['-c', command], { encoding: 'utf8' });
      assert.deepEqual([stdout.trim(), stderr], ['100', '']);
    }
  });

  test('Ctrl-C ends it at a packet, with one thread and with two, and the report is about what is there', async () => {
    for (const workers of ['1', '2']) {
      const path = join(folder, `interrupted-${workers}.pcap`);
      const options = ['generate', '-o', path, '--bytes', '1000G', '--workers', workers];
      const child = spawn(process.execPath, [MAIN, ...options], { stdio: ['ignore', 'ignore', 'pipe'] });
      let stderr = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => void (stderr += text));
      // The temporary file grows as soon as packets are written.
      const part = (): boolean =>
        readdirSync(folder).some(
          (name) => name.includes(`interrupted-${workers}`) && statSync(join(folder, name)).size > 0,
        );
      while (child.exitCode === null && !part()) await new Promise((resolve) => void setTimeout(resolve, 10));
      child.kill('SIGINT');
      const [, signal] = await once(child, 'close');
      assert.equal(signal, 'SIGINT');
      const shown = JSON.parse((await vtep(['inspect', path, '--json'])).stdout);
      assert.deepEqual(shown.problems, []);
      assert.equal(Number(/^([\d,]+) packets/.exec(stderr)?.[1].replaceAll(',', '')), shown.packets);
      rmSync(path);
    }
  });

  for (const [words, message] of [
    [['-o', 'x', '--aead', 'node'], /--aead needs --encrypted/],
    [['-o', 'x', '--traffic', 'tcp=1,udp,tcp=2'], /tcp is named twice/],
    [['-o', 'x.yaml', '--beside', './x'], /both the capture and a file beside it/],
    [['-o', '-', '--json'], /--json and -o - both use standard output/],
    [['-o', 'x', '--fault', 'nonce-reused'], /no fault is called "nonce-reused"; did you mean nonce-reuse/],
    [['-o', 'x', '--traffic', 'tcp,upd'], /did you mean udp/],
    [['-o', 'x', '--size', 'huge'], /not sizes: "huge"/],
    [['-o', 'x', '--seen-by', 'node7'], /no node is called "node7"/],
  ] as const) {
    test(`${words.join(' ')} is refused`, async () => {
      const { status, stderr } = await vtep(['generate', ...words]);
      assert.equal(status, 2);
      assert.match(stderr, message);
    });
  }
});
