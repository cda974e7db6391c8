import { describe, it } from 'node:test';
import { backendNotATask } from '../../../../src/doctor/findings/firewall/backend-not-a-task.js';
import { ipvsTimeoutShort } from '../../../../src/doctor/findings/firewall/ipvs-timeout-short.js';
import { virtualServerWithoutBackends } from '../../../../src/doctor/findings/firewall/virtual-server-without-backends.js';
import { isSilent, raises } from '../../assert-finding.js';
import { at, changed, virtualServer } from '../../swarm-evidence.js';

const servers = (...given: readonly ReturnType<typeof virtualServer>[]) =>
  changed('node1', () => ({ virtualServers: given }));

describe('virtual servers', () => {
  it('have no backends, or only such without weight', () => {
    raises(virtualServerWithoutBackends, servers(virtualServer(256, [])), /has no backends for mark 256/, 'error');
    raises(
      virtualServerWithoutBackends,
      servers(virtualServer(256, [['10.0.1.3', 0]])),
      /only backends with the weight 0 for mark 256/,
      'warning',
    );
    isSilent(
      virtualServerWithoutBackends,
      servers(
        virtualServer(256, [
          ['10.0.1.3', 0],
          ['10.0.1.4', 1],
        ]),
      ),
    );
    isSilent(virtualServerWithoutBackends, servers());
    // A service of Kubernetes without pods, on a node that runs both.
    const kube = { ...virtualServer(256, []), protocol: 'TCP', mark: undefined, address: '10.96.12.3', port: 80 };
    isSilent(virtualServerWithoutBackends, servers(kube));
  });

  it('have a backend that is no task (moby/moby#36797)', () => {
    const stale = servers(
      virtualServer(256, [
        ['10.0.1.3', 1],
        ['10.0.1.77', 1],
      ]),
    );
    raises(backendNotATask, stale, /sends connections to 10\.0\.1\.77, which no task on network web has/);
    isSilent(backendNotATask, servers(virtualServer(256, [['10.0.1.77', 0]])));
    isSilent(backendNotATask, servers(virtualServer(256, [['10.9.9.9', 1]])));
    isSilent(
      backendNotATask,
      changed(
        'node1',
        ({ networks }) => ({ networks: networks.map((view) => ({ ...view, tasks: undefined })) }),
        stale,
      ),
    );
  });

  it('forget idle connections early', () => {
    const timeout = (tcp: number) =>
      changed('node1', () => ({ ipvsTimeouts: [{ place: at('t'), tcp, tcpFin: 120, udp: 300 }] }));
    raises(
      ipvsTimeoutShort,
      timeout(60),
      /^Load balancers of node1 forget TCP connections that are idle for 60\.0 s/,
      'warning',
    );
    isSilent(ipvsTimeoutShort, timeout(900));
  });
});
