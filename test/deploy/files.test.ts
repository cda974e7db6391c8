/** The systemd unit, the compose file and the Dockerfile agree with one another, and with the command line. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { scratch } from '../cli/run.js';
import { missing, ROOT } from '../repository.js';
import { compose, DEPLOY, deployFile, dockerfile, optionValue, unitCapabilities, unitSettings } from './deployment.js';

const OWN = ['NET_ADMIN', 'NET_RAW'];
/** Exposure of a unit that systemd calls OK, in tenths. */
const MOST_EXPOSED = 45;

const service = compose().services.vtep;
const unit = unitSettings('vtep.service');

function setting(name: string): string {
  const values = unit.get(name) ?? [];
  assert.equal(values.length, 1, name);
  return values[0];
}

describe('the files of docs/deploy', () => {
  test('the unit and the compose file give the same two capabilities, and no more', () => {
    assert.deepEqual(unitCapabilities('vtep.service'), OWN);
    assert.equal(setting('CapabilityBoundingSet'), setting('AmbientCapabilities'));
    assert.deepEqual([service.cap_drop, service.cap_add], [['ALL'], OWN]);
    for (const forbidden of ['privileged', 'pid', 'ipc']) assert.ok(!(forbidden in service), forbidden);
  });

  test('the drop-in for namespaces adds those for entering one and for DNS in it', () => {
    const both = ['vtep.service', 'vtep-netns.conf'];
    assert.deepEqual(unitCapabilities(...both), [...OWN, 'SYS_ADMIN', 'NET_BIND_SERVICE']);
    const settings = unitSettings(...both);
    assert.deepEqual(settings.get('CapabilityBoundingSet'), settings.get('AmbientCapabilities'));
    assert.deepEqual(settings.get('RestrictNamespaces'), ['net']);
  });

  test('the TAP device is the only one that they give', () => {
    assert.deepEqual(service.devices, ['/dev/net/tun']);
    assert.deepEqual([setting('DevicePolicy'), setting('DeviceAllow')], ['closed', '/dev/net/tun rw']);
  });

  test('the container writes only to its volume and to memory', () => {
    assert.equal(service.read_only, true);
    const [volume, mountedAt] = (service.volumes[0] ?? '').split(':');
    assert.ok(volume in compose().volumes);
    assert.equal(optionValue(service.command, '--state'), mountedAt);
    const status = optionValue(service.command, '--status') ?? '';
    assert.ok(service.tmpfs.some((mount) => status.startsWith(`${mount.split(':')[0]}/`)));
    assert.equal(optionValue(service.healthcheck.test, '--socket'), status);
    // Both get the mode of the image's directories.
    const steps = dockerfile().map(({ words }) => words);
    assert.ok(steps.some((words) => words.includes(`chmod 0700 /out${dirname(status)} /out${mountedAt}`)));
  });

  test('the token is a secret of the container, and a credential of the unit', () => {
    const [name] = service.secrets;
    assert.ok(name in compose().secrets);
    assert.equal(optionValue(service.command, '--token-file'), `/run/secrets/${name}`);
    const [credential, path] = setting('LoadCredential').split(':');
    assert.equal(path, compose().secrets[name].file);
    assert.match(setting('ExecStart'), new RegExp(`--token-file \\$\\{CREDENTIALS_DIRECTORY\\}/${credential} `));
    for (const file of ['compose.yaml', 'vtep.service', 'Dockerfile']) assert.doesNotMatch(deployFile(file), /SWMTKN/);
  });

  test('the unit keeps state and status in directories that systemd makes for it', () => {
    assert.match(setting('ExecStart'), / --state \$\{STATE_DIRECTORY\} --status \$\{RUNTIME_DIRECTORY\}\/join\.sock /);
    assert.deepEqual([setting('StateDirectoryMode'), setting('RuntimeDirectoryMode')], ['0700', '0700']);
  });

  test('the compose file builds the Dockerfile, in which the final stage only copies', () => {
    const context = resolve(DEPLOY, service.build.context);
    assert.equal(context, resolve(ROOT));
    assert.equal(resolve(context, service.build.dockerfile), join(DEPLOY, 'Dockerfile'));
    const final = dockerfile().filter(({ stage }) => stage === 1);
    assert.deepEqual(
      final.map(({ name }) => name),
      ['FROM', 'COPY', 'USER', 'ENV', 'ENTRYPOINT', 'CMD'],
    );
    const ignored = readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n');
    for (const name of ['.git', 'node_modules', 'dist']) assert.ok(ignored.includes(name), name);
  });

  test("the options in them are the command's", () => {
    const [, section = ''] =
      /^## vtep join$([\s\S]*?)^## /m.exec(readFileSync(join(ROOT, 'docs/cli.md'), 'utf8')) ?? [];
    const words = [...service.command, ...setting('ExecStart').split(' ')];
    const options = words.filter((word) => word.startsWith('--'));
    assert.ok(options.length > 4);
    for (const option of options) assert.ok(section.includes(`\`${option} `), option);
  });

  test('systemd accepts the unit, alone and with the drop-in', { skip: missing('systemd-analyze') }, () => {
    const folder = scratch();
    const program = join(folder, 'vtep');
    writeFileSync(program, '#!/bin/sh\n');
    chmodSync(program, 0o755);
    const path = join(folder, 'vtep.service');
    writeFileSync(path, deployFile('vtep.service').replace('ExecStart=/usr/local/bin/vtep ', `ExecStart=${program} `));
    const analyze = (...words: readonly string[]): string => {
      const call = spawnSync('systemd-analyze', [...words, path], {
        encoding: 'utf8',
        env: { ...process.env, LC_ALL: 'C' },
      });
      assert.equal(call.status, 0, call.stderr);
      // What it doesn't know, it ignores, and says so.
      assert.equal(call.stderr, '');
      return call.stdout;
    };
    analyze('verify', '--man=no');
    analyze('security', '--offline=yes', `--threshold=${MOST_EXPOSED}`);
    mkdirSync(`${path}.d`);
    writeFileSync(join(`${path}.d`, 'netns.conf'), deployFile('vtep-netns.conf'));
    analyze('verify', '--man=no');
    analyze('security', '--offline=yes', `--threshold=${MOST_EXPOSED}`);
  });
});
