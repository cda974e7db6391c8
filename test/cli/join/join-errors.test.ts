/** How `vtep join` ends if it can't join: a line with the cause, one with what to do, and status 2; 3 if it may work later. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Outcome, scratch } from '../run.js';
import { refuse } from '../../join/fake-answers.js';
import { FakeManager } from '../../join/fake-manager.js';
import { FakeSwarm } from '../../join/fake-swarm.js';
import { Joining } from '../../join/joining.js';
import { UpProcess } from '../live/up-process.js';

const folder = scratch();
let directories = 0;

function directory(): string {
  return join(folder, `state-${directories++}`);
}

/** Runs it to its end. */
async function joinEnds(words: readonly string[], token?: string): Promise<Outcome> {
  const env = { ...process.env, ...(token === undefined ? {} : { VTEP_TOKEN: token }) };
  return new UpProcess(words, { env }, undefined, 'join').end();
}

/** Asserts cause and remedy, and that no token is shown. */
function assertFails({ status, stdout, stderr }: Outcome, cause: RegExp, remedy: RegExp, expected = 2): void {
  assert.equal(status, expected, stderr);
  assert.equal(stdout, '');
  const lines = stderr.trimEnd().split('\n');
  assert.match(lines.at(-2) ?? '', cause, stderr);
  assert.match(lines.at(-1) ?? '', remedy, stderr);
  assert.doesNotMatch(stderr, /SWMTKN-1-/);
}

describe('vtep join that fails', () => {
  const swarm = new FakeSwarm();
  let manager: FakeManager;
  before(async () => {
    manager = await FakeManager.start(swarm);
  });
  after(() => manager.stop());

  test('with a rotated token', async () => {
    const token = swarm.token.replace(swarm.secret, 'b'.repeat(25));
    const ended = await joinEnds([manager.address, '--state', directory()], token);
    assertFails(ended, /token/, /docker swarm join-token -q worker/);
  });

  test("with another swarm's token", async () => {
    const ended = await joinEnds([manager.address, '--state', directory()], new FakeSwarm().token);
    assertFails(ended, /another swarm|root CA/, /name a manager of the swarm that the token is from/);
  });

  test('with neither a token nor an identity', async () => {
    assertFails(await joinEnds([manager.address, '--state', directory()]), /no identity/, /--token-file/);
  });

  test('if nothing listens at the port, it names the ports of firewalls; the status tells to try again', async () => {
    const ended = await joinEnds(['127.0.0.1:1', '--state', directory()], swarm.token);
    assertFails(ended, /connection refused/, /TCP 2377.*7946.*4789.*protocol 50/, 3);
  });

  test('if the address is not its own, before it joins', async () => {
    const calls = manager.calls.get('IssueNodeCertificate') ?? 0;
    const words = [manager.address, '--state', directory(), '--data-path-addr', '203.0.113.9'];
    assertFails(await joinEnds(words, swarm.token), /203\.0\.113\.9/, /--data-path-addr/);
    assert.equal(manager.calls.get('IssueNodeCertificate') ?? 0, calls);
  });

  test('if a manager refuses for a reason of its own, with that reason', async () => {
    manager.overrides.set('IssueNodeCertificate', (stream) => refuse(stream, 13, 'disk full'));
    const { status, stderr } = await joinEnds([manager.address, '--state', directory()], swarm.token);
    manager.overrides.clear();
    assert.equal(status, 2);
    assert.match(stderr, /disk full/);
  });

  test('with an identity that others can read', async () => {
    const state = directory();
    mkdirSync(state, { mode: 0o700 });
    writeFileSync(join(state, 'identity.json'), '{}');
    chmodSync(join(state, 'identity.json'), 0o644);
    assertFails(await joinEnds([manager.address, '--state', state], swarm.token), /identity\.json/, /--state/);
  });

  test('if another process has the directory', async (t) => {
    const state = directory();
    const { node } = await Joining.start(t, manager, { stateDirectory: state });
    assertFails(await joinEnds([manager.address, '--state', state]), /process|in use/, /--state/);
    await node.close();
  });

  test('on a signal while it waits for a manager, without an error', async (t) => {
    const state = directory();
    const { node } = await Joining.start(t, manager, { stateDirectory: state });
    await node.close();
    const up = new UpProcess(['127.0.0.1:1', '--state', state], {}, undefined, 'join');
    manager.overrides.set('Session', (stream) => refuse(stream, 14, 'no leader'));
    await up.said(/managers are tried again/);
    const { status, stderr } = await up.end('SIGTERM');
    manager.overrides.clear();
    assert.equal(status, 0, stderr);
  });

  test('with options that contradict each other, before it joins', async () => {
    const { status, stderr } = await joinEnds([manager.address, '--attach', 'a', '--device', 'b=c']);
    assert.equal(status, 2);
    assert.match(stderr, /there is no --attach b/);
  });
});
