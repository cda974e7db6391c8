/** A mesh in a process of its own, as its thread runs it: `front-child.js ADDRESS PORT HOSTS`. */
import { Mesh } from '../../src/live/mesh/thread/mesh.js';
import { BackendMode, RouteKind } from '../../src/mesh/index.js';
import { ForwardedStyle, ProxyVersion } from '../../src/overlay/index.js';
import { type HostAddresses } from './hosts.js';

const NETWORK = 'bench';
const [address, port, hosts] = process.argv.slice(2);
const mesh = new Mesh((message) => {
  if (message.kind === 'trouble' && message.what !== undefined) process.stderr.write(`${message.what}\n`);
});
for (const [name, to] of Object.entries(JSON.parse(hosts) as HostAddresses)) {
  for (const [i, one] of to.entries()) {
    // Those of a service have the same.
    if (i > 0 && one.port !== to[0].port) throw new RangeError(`the backends of ${name} have different ports`);
  }
  await mesh.follow({
    kind: 'backends',
    backends: {
      service: name,
      network: NETWORK,
      vip: undefined,
      draining: [],
      tasks: to.map(({ host }, i) => ({ name: `${name}.${i + 1}`, address: host })),
    },
  });
  await mesh.follow({
    kind: 'routes',
    service: name,
    routes: [
      {
        ...{ kind: RouteKind.Http, host: name, path: '', isExact: false, rewrite: undefined, service: name },
        ...{ port: to[0].port, network: NETWORK, mode: BackendMode.Task, isHttp2: false, sticky: undefined },
        ...{ redirect: undefined, priority: 0, source: 'bench' },
      },
    ],
  });
}
await mesh.follow({
  kind: 'settings',
  settings: {
    ...{ http: [Number(port)], tls: [], listen: [address], netns: undefined, trusted: [], acceptProxy: false },
    ...{ sendProxy: ProxyVersion.None, forwarded: ForwardedStyle.X, debug: false, log: undefined, node: 'bench' },
    timeouts: { head: 10_000, idle: 60_000, connect: 2000, response: 60_000, tunnel: 3_600_000 },
  },
});
