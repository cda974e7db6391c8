import { exhibit } from '../../../derived/wording.js';
import type { Evidence } from '../../../evidence/evidence.js';
import type { StoreStream } from '../../../evidence/store.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../../finding.js';

/** A store that answers writes before they are on disk. */
export const storeNotSynced: Finding = {
  id: 'store-not-synced',
  title: 'The server of a store answers writes before they are on disk',
  severity: Severity.Warning,
  looksAt: 'JetStream\'s monitoring of each NATS server: curl "http://SERVER:8222/jsz?config=1&streams=1"',
  fires:
    'records or jobs of vtep are in memory, or in files of a server without `sync_interval: always`; with copies on ' +
    'several servers it is a note',
  means:
    'When the host of the server loses power, changes that were acknowledged may be gone. Nodes notice that a store went ' +
    'back if its revision is lower than what they have seen, and then read it anew. They do not notice it if it has ' +
    'reached that revision again by then.',
  threads: ['nats-io/nats-server#7564'],
  explains: [],
  find: findUnsynced,
};

function* findUnsynced({ nodes }: Evidence): Generator<Diagnosis> {
  const byStream = new Map<string, StoreStream[]>();
  for (const stream of nodes.flatMap(({ streams = [] }) => streams)) {
    byStream.set(stream.stream, [...(byStream.get(stream.stream) ?? []), stream]);
  }
  for (const [name, servers] of byStream) {
    // Each copy is on a server with settings of its own: one that syncs keeps what it acknowledged.
    const unsynced = servers.filter(({ inFiles, syncAlways }) => !inFiles || !syncAlways);
    if (unsynced.length === 0) continue;
    const [first] = unsynced;
    const { inFiles, replicas } = first;
    const isAlone = replicas === 1;
    yield {
      severity: isAlone ? Severity.Warning : Severity.Note,
      certainty: Certainty.Certain,
      summary: `${inFiles ? textOfFiles(name, unsynced) : textOfMemory(name)} ${textOfLoss(first)}.`,
      subject: {},
      exhibits: [
        exhibit(
          `storage ${inFiles ? 'file' : 'memory'}, num_replicas ${replicas}${inFiles ? ', no sync_always' : ''}`,
          unsynced.slice(0, 5),
        ),
      ],
      advice: [
        inFiles
          ? 'Set sync_interval to always in the block jetstream of the server, which nats-server 2.10 and later take; each write then waits for the disk.'
          : 'Back the bucket up, remove it, and let vtep make it anew: it makes it in files.',
        ...(isAlone ? ['Keep copies on three servers with power of their own: --store-replicas 3.'] : []),
      ],
      commands: [
        inFiles
          ? 'jetstream { store_dir: /data, sync_interval: always }   # nats-server.conf'
          : `nats stream info ${name}`,
        ...(isAlone ? [`nats stream edit ${name} --replicas 3`] : []),
      ],
    };
  }
}

function textOfFiles(name: string, servers: readonly StoreStream[]): string {
  const seconds = Math.max(...servers.map(({ syncInterval }) => syncInterval));
  return `${name} is synced to disk every ${seconds} s, and its server answers before that:`;
}

function textOfMemory(name: string): string {
  return `${name} is in the memory of its server:`;
}

function textOfLoss({ inFiles, replicas, syncInterval }: StoreStream): string {
  const what = inFiles ? `changes of the last ${syncInterval} s may be lost` : 'all of it is lost';
  if (replicas > 1) return `${what} if most of its ${replicas} servers lose power at once`;
  return `${what} when the host loses power${inFiles ? '' : ' or the server ends'}`;
}
