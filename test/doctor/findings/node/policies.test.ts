import { describe, it } from 'node:test';
import { policyMissing } from '../../../../src/doctor/findings/node/policy-missing.js';
import { policyPortMismatch } from '../../../../src/doctor/findings/node/policy-port-mismatch.js';
import { policyWithoutSa } from '../../../../src/doctor/findings/node/policy-without-sa.js';
import { isSilent, raises } from '../../assert-finding.js';
import { changed, engine, evidence, network, node, ONE, policy, TWO, vxlanLink } from '../../swarm-evidence.js';

describe('policies for another port (moby/moby#45635)', () => {
  const info = engine({ dataPathPort: 4777 });

  it('are found by the data path port of docker info', () => {
    const swarm = evidence([node('node1', { engines: [info], policies: [policy(ONE, TWO, 'p')] })]);
    raises(policyPortMismatch, swarm, /data path port is 4777, but the policies of node1 select 4789/, 'error');
  });

  it('are found by the port of a vxlan device of an encrypted network', () => {
    const networks = [network('secure', 4099, { encrypted: true })];
    const links = [vxlanLink(4099, 1424, 'l', { port: 4777 })];
    const policies = [policy(ONE, TWO, 'p')];
    raises(policyPortMismatch, evidence([node('node1', { networks, links, policies })]), /select 4789/);
    isSilent(policyPortMismatch, evidence([node('node1', { networks: [network('open', 4099)], links, policies })]));
  });

  it('are expected of old engines, if there is an encrypted network', () => {
    const networks = [network('secure', 4099, { encrypted: true })];
    const old = engine({ dataPathPort: 4777, version: '23.0.6' });
    raises(policyPortMismatch, evidence([node('node1', { engines: [old], networks })]), /data path port is 4777/);
    isSilent(policyPortMismatch, evidence([node('node1', { engines: [{ ...old, version: '24.0.3' }], networks })]));
    isSilent(policyPortMismatch, evidence([node('node1', { engines: [old], networks: [network('open', 4099)] })]));
  });

  it("aren't found if they select the port, or are another program's", () => {
    const right = policy(ONE, TWO, 'p', { destinationPort: 4777 });
    isSilent(policyPortMismatch, evidence([node('node1', { engines: [info], policies: [right] })]));
    isSilent(
      policyPortMismatch,
      evidence([node('node1', { engines: [info], policies: [policy(ONE, TWO, 'p', { mark: '' })] })]),
    );
  });
});

describe('a policy', () => {
  it('is missing for a peer that there is an SA for', () => {
    raises(
      policyMissing,
      changed('node1', () => ({ policies: [] })),
      /^node1 has SAs for 192\.168\.50\.2 but no policy/,
    );
  });

  it("isn't missed among the policies of an IKE daemon", () => {
    isSilent(
      policyMissing,
      changed('node1', () => ({ policies: [policy(ONE, '10.7.0.9', 'p', { mark: '' })] })),
    );
  });

  it('names an SPI that no SA has', () => {
    const swarm = changed('node1', () => ({ policies: [policy(ONE, TWO, 'p', { spi: 0x1234 })] }));
    raises(
      policyWithoutSa,
      swarm,
      /^Policies of node1 name SPI 0x00001234 for 192\.168\.50\.2, and there is no such SA/,
    );
    isSilent(
      policyWithoutSa,
      changed('node1', () => ({ policies: [policy(ONE, TWO, 'p', { spi: 0 })] })),
    );
  });
});
