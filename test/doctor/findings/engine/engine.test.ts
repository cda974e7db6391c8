import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { engineVersionsIncompatible } from '../../../../src/doctor/findings/engine/engine-versions-incompatible.js';
import { engineWarnings } from '../../../../src/doctor/findings/engine/engine-warnings.js';
import { swarmNotActive } from '../../../../src/doctor/findings/engine/swarm-not-active.js';
import { isSilent, raises } from '../../assert-finding.js';
import { changed, engine, evidence, network, node } from '../../swarm-evidence.js';

describe('versions of engines (moby/moby#51798)', () => {
  const with2 = (a: string, b: string, encrypted?: boolean) =>
    evidence([
      node('node1', {
        engines: [engine({ version: a })],
        ...(encrypted === undefined ? {} : { networks: [network('web', 4097, { encrypted })] }),
      }),
      node('node2', { engines: [engine({ version: b })] }),
    ]);

  it("can't exchange encrypted packets", () => {
    const { certainty } = raises(
      engineVersionsIncompatible,
      with2('29.1.3', '28.5.2', true),
      /^node1 \(Docker 29\.1\.3\) can't exchange encrypted packets with node2 \(Docker 28\.5\.2\)\.$/,
      'error',
    );
    assert.equal(certainty, 'certain');
  });

  it('are only a warning where it is unknown whether a network is encrypted', () => {
    raises(engineVersionsIncompatible, with2('29.1.3', '28.5.2'), /if a network is encrypted\.$/, 'warning');
    isSilent(engineVersionsIncompatible, with2('29.1.3', '28.5.2', false));
  });

  it('are those that the README names, and no others', () => {
    for (const short of ['29.0.0', '29.2.0', '28.2.2', '25.0.13', '25.0.14']) {
      raises(engineVersionsIncompatible, with2(short, '27.1.1', true), /can't exchange/);
    }
    for (const other of [
      '29.2.1',
      '28.2.1',
      '28.3.0',
      '25.0.12',
      '25.0.15',
      '20.10.24+dfsg1',
      '17.06.0-ce',
      'master',
    ]) {
      isSilent(engineVersionsIncompatible, with2(other, '27.1.1', true));
    }
    isSilent(engineVersionsIncompatible, with2('29.1.3', '29.0.0', true));
  });
});

describe('the state of a node', () => {
  it("isn't active", () => {
    const state = (swarm: string) => evidence([node('node1', { engines: [engine({ swarm })] })]);
    raises(swarmNotActive, state('inactive'), /^node1 isn't in a swarm\.$/, 'warning');
    raises(swarmNotActive, state('locked'), /waits to be unlocked\.$/, 'error');
    raises(swarmNotActive, state('error'), /has an error with its swarm\.$/, 'error');
    isSilent(swarmNotActive, state(''));
    isSilent(swarmNotActive, state('constructor'));
  });

  it('has settings that networks suffer from', () => {
    const warnings = ['WARNING: IPv4 forwarding is disabled', 'WARNING: No swap limit support'];
    raises(
      engineWarnings,
      changed('node1', () => ({ engines: [engine({ warnings })] })),
      /^node1 forwards no IPv4 packets/,
      'error',
    );
  });
});
