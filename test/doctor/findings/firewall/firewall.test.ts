import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FirewallRule } from '../../../../src/doctor/evidence/firewall.js';
import { encryptionRulesMissing } from '../../../../src/doctor/findings/firewall/encryption-rules-missing.js';
import { espBlocked } from '../../../../src/doctor/findings/firewall/esp-blocked.js';
import { gossipBlocked } from '../../../../src/doctor/findings/firewall/gossip-blocked.js';
import { managementPortBlocked } from '../../../../src/doctor/findings/firewall/management-port-blocked.js';
import { overlayTrafficTranslated } from '../../../../src/doctor/findings/firewall/overlay-traffic-translated.js';
import { swarmConnectionUnanswered } from '../../../../src/doctor/findings/firewall/swarm-connection-unanswered.js';
import { vxlanBlocked } from '../../../../src/doctor/findings/firewall/vxlan-blocked.js';
import { isSilent, raises } from '../../assert-finding.js';
import {
  at,
  chainPolicy,
  changed,
  connection,
  encryptionRules,
  engine,
  evidence,
  healthySwarm,
  network,
  node,
  ONE,
  rule,
  TWO,
} from '../../swarm-evidence.js';

/** The swarm whose first node has these rules besides Docker's. */
const rules = (...added: readonly FirewallRule[]) =>
  changed('node1', ({ rules: own }) => ({
    rules: [...own.filter(({ isPolicy }) => !isPolicy || added.length === 0), ...added],
  }));
const drop = (changes: Partial<FirewallRule>) => rule('INPUT', '-A INPUT -j DROP', { verdict: 'drop', ...changes });
const accept = (changes: Partial<FirewallRule>) =>
  rule('INPUT', '-A INPUT -j ACCEPT', { verdict: 'accept', ...changes });
const vxlan = { protocol: 'udp', destinationPorts: [4789] };

describe('a firewall that drops VXLAN', () => {
  it('is found by a rule, with the command that lets it through', () => {
    const { commands, exhibits } = raises(
      vxlanBlocked,
      rules(drop({ ...vxlan, packets: 812 })),
      /^The firewall of node1 drops incoming VXLAN \(UDP 4789\) by a rule in filter INPUT/,
      'error',
    );
    assert.deepEqual(commands, ['iptables -I INPUT -s NODE -p udp --dport 4789 -j ACCEPT']);
    assert.match(exhibits[0].text, /812 packets so far$/);
  });

  it('is found by the policy of a chain without a rule that accepts', () => {
    raises(
      vxlanBlocked,
      rules(chainPolicy('INPUT', 'drop'), accept({ protocol: 'tcp', destinationPorts: [22] })),
      /no rule of filter INPUT accepts it, and the policy is drop/,
    );
  });

  it('is found behind jumps, and at the way out', () => {
    const jump = rule('INPUT', '-A INPUT -j ufw', { verdict: 'jump ufw' });
    raises(vxlanBlocked, rules(jump, drop({ ...vxlan, chain: 'ufw', hook: '' })), /rule in filter ufw/);
    raises(vxlanBlocked, rules(drop({ ...vxlan, chain: 'OUTPUT', hook: 'output' })), /drops outgoing VXLAN/);
  });

  it('goes by the data path port', () => {
    const swarm = changed('node1', () => ({ engines: [engine({ dataPathPort: 4777 })] }), rules(drop(vxlan)));
    isSilent(vxlanBlocked, swarm);
  });

  it("isn't found where an earlier rule accepts, or may accept", () => {
    isSilent(vxlanBlocked, rules(accept(vxlan), drop({})));
    isSilent(vxlanBlocked, rules(accept({ source: '192.168.50.0/24' }), drop({})));
    isSilent(vxlanBlocked, rules(accept({ conditions: ['-m set --match-set nodes src'] }), drop({})));
    isSilent(vxlanBlocked, rules(accept({ inDevice: 'eth0' }), drop({})));
    isSilent(
      vxlanBlocked,
      rules(
        rule('INPUT', '-j nodes', { verdict: 'jump nodes' }),
        rule('nodes', 'accept', { verdict: 'accept', source: TWO }),
        drop({}),
      ),
    );
    isSilent(
      vxlanBlocked,
      rules(chainPolicy('INPUT', 'drop'), accept({ protocol: 'udp', destinationPorts: [1024, 4789, 65_535] })),
    );
  });

  it("isn't found where the rule is for others, or for some packets only", () => {
    isSilent(vxlanBlocked, rules(drop({ ...vxlan, source: '10.0.0.0/8' })));
    isSilent(vxlanBlocked, rules(drop({ ...vxlan, inDevice: 'wlan0' })));
    isSilent(vxlanBlocked, rules(drop({ ...vxlan, inDevice: 'lo' })));
    isSilent(vxlanBlocked, rules(...encryptionRules(4099)));
    isSilent(vxlanBlocked, rules(drop({ ...vxlan, place: at('ns', 1, '1-4097') })));
    isSilent(vxlanBlocked, rules(drop({ ...vxlan, family: 'ipv6' })));
    isSilent(vxlanBlocked, rules(drop({ ...vxlan, chain: 'FORWARD', hook: 'forward' })));
    isSilent(vxlanBlocked, rules(drop({ conditions: ['-m conntrack --ctstate INVALID'] })));
  });

  it('is found although connections that are established are accepted: VXLAN has none', () => {
    raises(
      vxlanBlocked,
      rules(chainPolicy('INPUT', 'drop'), accept({ conditions: ['-m conntrack --ctstate RELATED,ESTABLISHED'] })),
      /policy is drop/,
    );
  });

  it('ends at chains that jump in a circle', () => {
    const circle = [
      rule('INPUT', '-j a', { verdict: 'jump a' }),
      rule('a', '-j b', { verdict: 'jump b' }),
      rule('b', '-j a', { verdict: 'jump a' }),
    ];
    isSilent(vxlanBlocked, rules(...circle, drop({})));
  });
});

describe('a firewall that drops ESP, gossip or connections to managers', () => {
  it('is found', () => {
    raises(espBlocked, rules(drop({ protocol: 'esp' })), /drops incoming ESP \(IP protocol 50\)/);
    raises(
      gossipBlocked,
      rules(drop({ protocol: 'tcp', destinationPorts: [7946] })),
      /drops incoming gossip \(TCP 7946\)/,
    );
    raises(
      gossipBlocked,
      rules(drop({ protocol: 'udp', destinationPorts: [7946] })),
      /drops incoming gossip \(UDP 7946\)/,
    );
    raises(
      managementPortBlocked,
      rules(drop({ protocol: 'tcp', destinationPorts: [2377] })),
      /connections to a manager \(TCP 2377\)/,
    );
  });

  it("isn't found where ESP may be part of an established connection", () => {
    isSilent(espBlocked, rules(chainPolicy('INPUT', 'drop'), accept({ conditions: ['ct state established,related'] })));
  });

  it("isn't found where ESP isn't used, and on nodes that aren't managers", () => {
    const swarm = rules(drop({ protocol: 'esp' }));
    const [one] = swarm.nodes;
    isSilent(espBlocked, evidence([{ ...one, sas: [], networks: one.networks.filter(({ encrypted }) => !encrypted) }]));
    const worker = changed('node2', ({ rules: own }) => ({
      rules: [...own, drop({ protocol: 'tcp', destinationPorts: [2377] })],
    }));
    isSilent(managementPortBlocked, worker);
  });
});

describe("Docker's rules for an encrypted network", () => {
  it('are missing', () => {
    const swarm = changed('node1', ({ rules: own }) => ({ rules: own.filter(({ vnis }) => vnis === undefined) }));
    raises(
      encryptionRulesMissing,
      swarm,
      /^node1 sends packets of the encrypted network secure \(VNI 4099\) unencrypted/,
    );
  });

  it('mark packets, but drop none', () => {
    const swarm = changed('node1', ({ rules: own }) => ({
      rules: own.filter(({ vnis, verdict }) => vnis === undefined || verdict === 'mark'),
    }));
    raises(encryptionRulesMissing, swarm, /^node1 accepts unencrypted packets of the encrypted network secure/);
  });

  it("aren't missed on a manager that knows the network's VNI and has no task on it", () => {
    const idle = network('idle', 4105, { encrypted: true, peers: [], endpoints: [] });
    const swarm = changed('node1', ({ networks }) => ({ networks: [...networks, idle] }));
    isSilent(encryptionRulesMissing, swarm);
  });

  it('are advised on by the backend that the engine uses', () => {
    const isDockers = { table: 'docker-bridges', chain: 'filter-FORWARD' };
    const nft = changed('node1', () => ({ rules: [rule('x', 'oifname "docker0" accept', isDockers)] }));
    const { advice, commands = [] } = raises(encryptionRulesMissing, nft, /no rule marks them/);
    assert.doesNotMatch([...advice, ...commands].join(' '), /xt_/);
    assert.match(commands.join(' '), /nft list table ip docker-overlay/);
  });

  it("can't be missed in the rules of a container, or where nft doesn't show the VNI", () => {
    const own = [rule('DOCKER_OUTPUT', 'dns', { verdict: 'dnat' })];
    isSilent(
      encryptionRulesMissing,
      changed('node1', () => ({ rules: own })),
    );
    const opaque = rule('OUTPUT', 'xt match "u32" counter xt target "MARK"', {
      verdict: 'mark',
      conditions: ['xt match "u32"'],
    });
    const swarm = changed('node1', ({ rules: all }) => ({
      rules: [...all.filter(({ vnis }) => vnis === undefined), opaque],
    }));
    isSilent(encryptionRulesMissing, swarm);
  });
});

describe('connections', () => {
  it('are translated between nodes', () => {
    const nat = connection({ replyDestination: '203.0.113.7' });
    raises(
      overlayTrafficTranslated,
      changed('node1', () => ({ connections: [nat] })),
      /^node1 translates addresses of packets between nodes: 192\.168\.50\.1 becomes 203\.0\.113\.7 in packets to 192\.168\.50\.2/,
    );
    const esp = connection({
      protocol: 'esp',
      sourcePort: 0,
      destinationPort: 0,
      replySourcePort: 0,
      replyDestinationPort: 0,
      replySource: '10.1.1.1',
    });
    raises(
      overlayTrafficTranslated,
      changed('node1', () => ({ connections: [esp] })),
      /192\.168\.50\.2 becomes 10\.1\.1\.1/,
    );
  });

  it("aren't translated if only the source port changes, or for other ports", () => {
    isSilent(
      overlayTrafficTranslated,
      changed('node1', () => ({ connections: [connection({ replyDestinationPort: 1 })] })),
    );
    isSilent(
      overlayTrafficTranslated,
      changed('node1', () => ({ connections: [connection({ destinationPort: 53, replyDestination: '203.0.113.7' })] })),
    );
  });

  it('are not answered', () => {
    const waiting = connection({ protocol: 'tcp', state: 'SYN_SENT', destinationPort: 7946, unreplied: true });
    raises(
      swarmConnectionUnanswered,
      changed('node1', () => ({ connections: [waiting] })),
      /^node1 gets no answer from 192\.168\.50\.2, TCP 7946 \(gossip\)/,
      'warning',
    );
    isSilent(swarmConnectionUnanswered, healthySwarm());
  });

  it('need a node to be of', () => {
    isSilent(overlayTrafficTranslated, evidence([node('', { addresses: [ONE] })]));
  });
});
