import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { diagnose } from '../../../../src/doctor/diagnose.js';
import { engineVersionsIncompatible } from '../../../../src/doctor/findings/engine/engine-versions-incompatible.js';
import { engineWarnings } from '../../../../src/doctor/findings/engine/engine-warnings.js';
import { swarmNotActive } from '../../../../src/doctor/findings/engine/swarm-not-active.js';
import { swarmsDiffer } from '../../../../src/doctor/findings/engine/swarms-differ.js';
import { isSilent, raises } from '../../assert-finding.js';
import { changed, engine, evidence, network, node, TWO } from '../../swarm-evidence.js';

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

describe('nodes of two swarms', () => {
  it('are told by the ids of their clusters', () => {
    const of = (cluster: string, other: string) =>
      evidence([
        node('node1', { engines: [engine({ cluster })] }),
        node('node2', { engines: [engine({ cluster: other })] }),
      ]);
    const { certainty } = raises(swarmsDiffer, of('a1', 'b2'), /^node1 isn't in the same swarm as node2\.$/, 'error');
    assert.equal(certainty, 'certain');
    isSilent(swarmsDiffer, of('a1', 'a1'));
    // Workers don't know the id.
    isSilent(swarmsDiffer, of('a1', ''));
  });

  it('are told by their ingress networks, where no two show an id', () => {
    const of = (id: string, other: string) =>
      evidence([
        node('node1', { networks: [network('ingress', 4096, { ingress: true, id })] }),
        node('node2', { networks: [network('ingress', 4096, { ingress: true, id: other })] }),
      ]);
    const { certainty } = raises(swarmsDiffer, of('a1', 'b2'), /isn't in the same swarm/);
    assert.equal(certainty, 'likely');
    isSilent(swarmsDiffer, of('a1', 'a1'));
    isSilent(swarmsDiffer, of('a1', ''));
  });

  it('are no fault of their ports, versions or keys', () => {
    const swarms = evidence([
      node('node1', { engines: [engine({ cluster: 'a1', dataPathPort: 4789 })] }),
      node('node2', { engines: [engine({ cluster: 'b2', dataPathPort: 4790, name: 'node2', nodeAddress: TWO })] }),
    ]);
    const { found } = diagnose(swarms);
    assert.deepEqual(
      found.map(({ finding }) => finding.id),
      ['swarms-differ'],
    );
  });
});
