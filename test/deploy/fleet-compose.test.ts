/** The compose file of a node and its store: its options are those of the programs, and it gives no more than they need. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { dirname, join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { vtep as runVtep } from '../cli/run.js';
import { missing, ROOT } from '../repository.js';
import { compose, type ComposeService, DEPLOY, deployFile, dockerfile, optionValue } from './deployment.js';

const FILE = 'fleet-compose.yaml';
const { services, secrets, volumes } = compose(FILE);
const { vtep, nats } = services;

function optionsOf({ command }: ComposeService): string[] {
  return command.filter((word) => word.startsWith('--')).map((word) => word.split('=', 1)[0]);
}

function noPlugin(): string | false {
  const { error, status } = spawnSync('docker', ['compose', 'version'], { stdio: 'ignore' });
  return error === undefined && status === 0 ? false : 'docker has no plugin compose';
}

describe(FILE, () => {
  test('gives a node two capabilities and a device, its server nothing, and both no place to write but a volume', () => {
    assert.deepEqual(
      [vtep.cap_drop, vtep.cap_add, vtep.devices],
      [['ALL'], ['NET_ADMIN', 'NET_RAW'], ['/dev/net/tun']],
    );
    assert.deepEqual([nats.cap_drop, 'cap_add' in nats, 'devices' in nats], [['ALL'], false, false]);
    for (const service of [vtep, nats]) {
      assert.equal(service.read_only, true);
      assert.deepEqual(service.security_opt, ['no-new-privileges:true']);
      for (const forbidden of ['privileged', 'pid', 'ipc']) assert.ok(!(forbidden in service), forbidden);
      for (const volume of service.volumes) assert.ok(volume.split(':')[0] in volumes, volume);
    }
  });

  test('keeps state, status, records and key in files that it mounts', () => {
    const isMounted = (path = '', mounts: readonly string[]): boolean =>
      mounts.some((mount) => path === mount || path.startsWith(`${mount}/`));
    const targets = ({ volumes: all }: ComposeService): string[] => all.map((volume) => volume.split(':')[1]);
    const status = optionValue(vtep.command, '--status');
    assert.ok(isMounted(optionValue(vtep.command, '--state'), targets(vtep)));
    assert.ok(isMounted(status, vtep.tmpfs));
    assert.equal(optionValue(vtep.healthcheck.test, '--socket'), status);
    const folder = nats.command.find((word) => word.startsWith('--store_dir='))?.slice('--store_dir='.length);
    assert.ok(isMounted(folder, targets(nats)));
    const [secret] = vtep.secrets;
    assert.ok(secret in secrets);
    assert.equal(optionValue(vtep.command, '--kek'), `/run/secrets/${secret}`);
    const steps = dockerfile().map(({ words }) => words);
    assert.ok(steps.some((words) => words.includes(`/out${dirname(status ?? '')}`)));
  });

  test('starts a server only where its profile asks for it, which lets nobody in from elsewhere unless told to', () => {
    assert.deepEqual([nats.profiles, vtep.profiles], [['store'], undefined]);
    assert.ok(nats.command.includes('--addr=127.0.0.1'));
  });

  test('has a default for every variable', () => {
    for (const [use] of deployFile(FILE).matchAll(/\$\{?\w[^}\s]*\}?/g)) assert.match(use, /^\$\{[A-Z_]+:-[^}]+\}$/);
  });

  test('has the options of vtep up, with values that it takes', async () => {
    assert.equal(vtep.command[0], 'up');
    const { stdout } = await runVtep(['up', '--help']);
    for (const option of optionsOf(vtep)) assert.match(stdout, new RegExp(`^ +${option} `, 'm'));
    // There is no such key here, which is read after the options.
    const { status, stderr } = await runVtep(vtep.command);
    assert.equal(status, 2);
    assert.match(stderr, /\/run\/secrets\/vtep-kek/);
  });

  test('has the options of nats-server', { skip: missing('nats-server') }, () => {
    const { stdout, stderr } = spawnSync('nats-server', ['--help'], { encoding: 'utf8' });
    const commented = [...deployFile(FILE).matchAll(/^ +# For three servers: (.*)$/gm)].flatMap(([, words]) =>
      words.split(' '),
    );
    const options = [...optionsOf(nats), ...commented.filter((word) => word.startsWith('--'))];
    assert.ok(options.length > 5);
    for (const option of options) assert.match(stdout + stderr, new RegExp(`[ ,]${option}(?![\\w-])`));
  });

  test('builds the Dockerfile of this folder', () => {
    const context = resolve(DEPLOY, vtep.build.context);
    assert.equal(context, resolve(ROOT));
    assert.equal(resolve(context, vtep.build.dockerfile), join(DEPLOY, 'Dockerfile'));
  });

  test('is a compose file', { skip: noPlugin() }, () => {
    const call = spawnSync('docker', ['compose', '-f', join(DEPLOY, FILE), '--profile', 'store', 'config', '--quiet'], {
      encoding: 'utf8',
    });
    assert.deepEqual([call.status, call.stderr], [0, '']);
  });
});
