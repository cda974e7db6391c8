/** The swarms of the recordings, and how the tests ask about their names. */
import assert from 'node:assert/strict';
import { parseIp } from '../../../src/overlay/index.js';
import {
  DnsClient,
  type DnsClientOptions,
  DnsNames,
  DnsProfile,
  type DnsRecord,
  DnsTransport,
  type Exchange,
  type Resolution,
  ResolutionKind,
  Resolver,
  type UpstreamRequest,
} from '../../../src/service/index.js';
import { queryOf, type QueryFields } from './messages.js';

export const NETWORK = 'gsi';

/** A task of a service on my-network. */
export function taskOf(
  name: string,
  address: string,
  service: { name: string; vip?: string; aliases?: string[] },
  aliases: string[] = [],
): DnsRecord {
  const { vip } = service;
  return {
    network: NETWORK,
    endpoint: `endpoint of ${name}`,
    name,
    addresses: [parseIp(address)],
    service: { ...service, id: `id of ${service.name}`, vip: vip === undefined ? undefined : parseIp(vip) },
    aliases,
  };
}

/** A plain container on my-network. */
export function containerOf(name: string, address: string, aliases: string[] = []): DnsRecord {
  return { network: NETWORK, endpoint: `endpoint of ${name}`, name, addresses: [parseIp(address)], aliases };
}

/** The names of my-network, with these records. */
export function namesWith(...records: readonly DnsRecord[]): DnsNames {
  const names = new DnsNames();
  names.addNetwork({ id: NETWORK, name: 'my-network' });
  for (const record of records) assert.ok(names.set(record));
  return names;
}

/** The recorded swarm: my-web with three tasks, my-busybox with two. */
export function recordedNames(): DnsNames {
  const web = { name: 'my-web', vip: '10.0.9.2' };
  const busybox = { name: 'my-busybox', vip: '10.0.9.8' };
  return namesWith(
    taskOf('my-web.1.j41qw6u3cnhesobnnafym7p32', '10.0.9.4', web),
    taskOf('my-web.2.x5hx0mnwk9wzq0y0q7oyf0vq1', '10.0.9.5', web),
    taskOf('my-web.3.y2gci1cjm3eatro16fwxn5iaj', '10.0.9.3', web),
    taskOf('my-busybox.n1.a', '10.0.9.10', busybox, ['604359bea487']),
    taskOf('my-busybox.n2.b', '10.0.9.9', busybox),
  );
}

/** The live swarm: my-web with two tasks, and 60 invented tasks of `big`, alias `bigalias`, without a VIP. */
export function liveNames(): DnsNames {
  const web = { name: 'my-web', vip: '10.0.9.19' };
  const tasks = Array.from({ length: 60 }, (_, i) =>
    taskOf(
      `big.${i + 1}.x${i.toString().padStart(24, '0')}`,
      `10.0.9.${100 + i}`,
      { name: 'big', aliases: ['bigalias'] },
      [`000000abc${i.toString().padStart(3, '0')}`],
    ),
  );
  return namesWith(taskOf('my-web.1.a', '10.0.9.20', web), taskOf('my-web.2.b', '10.0.9.21', web), ...tasks);
}

/** Asks a resolver as one client of my-network. */
export class Asker {
  readonly client: DnsClient;
  readonly resolver: Resolver;

  constructor(names: DnsNames, options: Partial<DnsClientOptions> = {}, profile: DnsProfile = DnsProfile.Docker20) {
    this.client = new DnsClient(names, { networks: [NETWORK], ...options });
    this.resolver = new Resolver({ profile });
  }

  /** What becomes of a message. */
  send(message: Uint8Array, transport: DnsTransport = DnsTransport.Udp): Resolution {
    return this.resolver.resolve(this.client, message, transport);
  }

  /** What becomes of a question. */
  resolve(name: string, fields: QueryFields = {}, transport: DnsTransport = DnsTransport.Udp): Resolution {
    return this.send(queryOf(name, fields), transport);
  }

  /** The answer to a question. */
  ask(name: string, fields: QueryFields = {}, transport: DnsTransport = DnsTransport.Udp): Uint8Array {
    return answerIn(this.resolve(name, fields, transport));
  }

  /** Whether a question is forwarded. */
  forwards(name: string, fields: QueryFields = {}): boolean {
    const resolution = this.resolve(name, fields);
    if (resolution.kind === ResolutionKind.Forward) resolution.exchange.cancel();
    return resolution.kind === ResolutionKind.Forward;
  }
}

/** The answer that a query ends with. */
export function answerIn(resolution: Resolution): Uint8Array {
  assert.equal(resolution.kind, ResolutionKind.Answer);
  return (resolution as { answer: Uint8Array }).answer;
}

/** The request that a query leads to. */
export function requestIn(resolution: Resolution): { exchange: Exchange; request: UpstreamRequest } {
  assert.equal(resolution.kind, ResolutionKind.Forward);
  return resolution;
}

/** What a query ends with if no upstream server answers. */
export function afterSilence(resolution: Resolution): Resolution {
  let last = resolution;
  while (last.kind === ResolutionKind.Forward) last = last.exchange.fail();
  return last;
}
