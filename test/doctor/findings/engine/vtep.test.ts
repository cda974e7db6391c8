import { describe, it } from 'node:test';
import { vtepDrops } from '../../../../src/doctor/findings/engine/vtep/vtep-drops.js';
import { vtepGossipTrouble } from '../../../../src/doctor/findings/engine/vtep/vtep-gossip-trouble.js';
import { vtepRefusedPackets } from '../../../../src/doctor/findings/engine/vtep/vtep-refused-packets.js';
import { vtepSilentPeers } from '../../../../src/doctor/findings/engine/vtep/vtep-silent-peers.js';
import { vtepSwarmProblem } from '../../../../src/doctor/findings/engine/vtep/vtep-swarm-problem.js';
import { isSilent, raises } from '../../assert-finding.js';
import { evidence, healthyStatus, node } from '../../swarm-evidence.js';

/** A healthy status with members of sections changed. */
function status(changes: Readonly<Record<string, Readonly<Record<string, unknown>>>>) {
  const healthy = healthyStatus();
  const sections = Object.entries(changes).map(([name, members]) => [
    name,
    { ...(healthy[name] as object), ...members },
  ]);
  return evidence([node('probe', { status: { ...healthy, ...Object.fromEntries(sections) } })]);
}

const ingress = (dropped: Readonly<Record<string, number>>) => status({ node: { ingress: { in: 1000, dropped } } });

describe('the status of a vtep node', () => {
  it('shows drops that are a fault, and not those of normal work', () => {
    raises(
      vtepDrops,
      ingress({ CLEAR_OF_ENCRYPTED: 40, NEIGH_ANSWERED: 900 }),
      /^probe dropped unencrypted packets of encrypted networks: 40 packets of 1,000/,
      'error',
    );
    raises(vtepDrops, ingress({ NO_LOCAL_ENDPOINT: 40 }), /for endpoints that are not here/, 'warning');
    isSilent(vtepDrops, ingress({ NEIGH_ANSWERED: 900, PMTU_LEARNED: 100, XfrmInNoStates: 3 }));
  });

  it('shows peers whose packets do not arrive', () => {
    const silent = [{ node: 'node2', vtep: '192.168.50.2', protocol: 'ESP' }];
    raises(
      vtepSilentPeers,
      status({ gossip: { silent } }),
      /^probe hears gossip of node2 \(192\.168\.50\.2\), but gets no ESP/,
    );
  });

  it('shows trouble with gossip', () => {
    const member = (changes: object) =>
      status({ members: { rows: [{ name: 'abc', address: '192.168.50.1', state: 'alive', ...changes }] } });
    raises(vtepGossipTrouble, member({ state: 'suspect' }), /^probe suspects: abc/, 'warning');
    raises(vtepGossipTrouble, member({ tcpOnly: true }), /^probe reaches over TCP only: abc/, 'warning');
    raises(
      vtepGossipTrouble,
      status({ gossip: { dropped: { 'no-key-fits': 5000 } } }),
      /^probe can't decrypt 5,000 packets of gossip/,
      'error',
    );
    raises(
      vtepGossipTrouble,
      status({ gossip: { streamsFailed: 60 } }),
      /^60 gossip streams of probe failed, of 100 opened/,
    );
    raises(vtepGossipTrouble, status({ gossip: { unannounced: ['c1@web'] } }), /hasn't announced c1@web/);
    isSilent(vtepGossipTrouble, member({ state: 'left' }));
  });

  it('shows packets that the system refused or lost', () => {
    const sockets = (changes: object) => status({ node: { sockets: { sent: 1000, received: 1000, ...changes } } });
    raises(
      vtepRefusedPackets,
      sockets({ refused: { EMSGSIZE: 100 } }),
      /refused 100 packets of probe with EMSGSIZE; 1,000 were sent/,
      'error',
    );
    raises(
      vtepRefusedPackets,
      sockets({ overrun: 100 }),
      /lost 100 packets because its socket's queue was full/,
      'warning',
    );
    const rows = [{ name: 'c1', address: '10.0.1.9', sent: 10, refused: 30, refusedBy: { ENOBUFS: 30 } }];
    raises(vtepRefusedPackets, status({ endpoints: { rows } }), /refused frames for c1 \(30 frames: ENOBUFS 30\)/);
    isSilent(vtepRefusedPackets, sockets({ refused: { EMSGSIZE: 3 } }));
  });

  it('shows problems with the swarm', () => {
    raises(
      vtepSwarmProblem,
      status({ swarm: { problem: 'NO_MANAGER', problemText: 'no manager answers' } }),
      /problem with its swarm: no manager answers/,
    );
    raises(
      vtepSwarmProblem,
      status({ swarm: { certificateSecondsLeft: -5 } }),
      /certificate of probe has expired/,
      'error',
    );
    raises(
      vtepSwarmProblem,
      status({ attachments: { rows: [{ network: 'web', problem: 'FULL' }] } }),
      /isn't attached to web \(FULL\)/,
    );
  });

  it('may be of any shape', () => {
    for (const odd of [
      {},
      { node: 3 },
      { node: { ingress: [] }, gossip: null, members: { rows: [1, null] }, swarm: 'x' },
    ]) {
      for (const finding of [vtepDrops, vtepGossipTrouble, vtepRefusedPackets, vtepSilentPeers, vtepSwarmProblem]) {
        isSilent(finding, evidence([node('probe', { status: odd })]));
      }
    }
  });
});
