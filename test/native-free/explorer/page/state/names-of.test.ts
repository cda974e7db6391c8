/** Names of addresses, from texts of any kind. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { namesOf } from '../../../../../native-free/explorer/page/state/names-of.js';
import { fixture } from '../../../../repository.js';

function given(path: string): { name: string; text: string } {
  return { name: path, text: readFileSync(fixture(path), 'utf8') };
}

describe('names', () => {
  test('come from the outputs of Docker’s inspect commands, among other texts', () => {
    const { names, problem } = namesOf([
      given('docker/swarm-keys.txt'),
      given('docker/swarm/network-inspect-verbose.node1.json'),
      given('docker/swarm/node-inspect.json'),
    ]);
    assert.equal(problem, undefined);
    assert.match(names?.nodeAt('192.168.50.1') ?? '', /\w/);
  });

  test('come from a config', () => {
    const { names, problem } = namesOf([given('docker/07-encrypted.overlay.yaml')]);
    assert.equal(problem, undefined);
    assert.equal(names?.find(4099, '10.0.11.4')?.text, 'server');
  });

  test('come from a config if the outputs of Docker’s commands lack the nodes', () => {
    const { names, problem } = namesOf([
      given('docker/node1.network-inspect.json'),
      given('docker/07-encrypted.overlay.yaml'),
    ]);
    assert.match(problem?.message ?? '', /docker node inspect/);
    assert.equal(names?.find(4099, '10.0.11.4')?.text, 'server');
  });

  test('are none without such texts, and a text that can’t be read says why', () => {
    assert.deepEqual(namesOf([given('docker/swarm-keys.txt')]), { names: undefined, problem: undefined });
    const broken = namesOf([{ name: 'networks.json', text: '[{"Id": "x", "Driver": 7}]' }]);
    assert.equal(broken.names, undefined);
    assert.equal(broken.problem?.name, 'networks.json');
  });
});
