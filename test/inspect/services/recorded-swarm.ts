/** The dumps of the recorded swarm, whole or changed, and surveys of its recordings with their names. */
import { readFileSync } from 'node:fs';
import { batchesOf, openCaptureFile } from '../../../src/capture/index.js';
import { AddressNames, Survey, type SurveyOptions, type SurveyReport } from '../../../src/inspect/index.js';
import { type DumpFile, importSwarm } from '../../../src/overlay/files.js';
import { fixture } from '../../repository.js';

/** Paths of the dumps below fixtures/. */
export const DUMPS: readonly string[] = [
  'docker/swarm/network-inspect-verbose.node1.json',
  'docker/swarm/service-inspect.json',
  'docker/swarm/task-inspect.json',
  'docker/swarm/node-inspect.json',
  'docker/node1.network-inspect.json',
  'docker/node2.network-inspect.json',
];

/** The dumps. */
export function dumpFiles(): DumpFile[] {
  return DUMPS.map((name) => ({ name, text: readFileSync(fixture(name), 'utf8') }));
}

/** A task as `docker inspect` shows it. */
export interface TaskEntry {
  readonly ID: string;
  NodeID: string;
  Status: { State: string };
}

/**
 * The dumps, with one task only in `docker inspect` of tasks, and changed there.
 * @param change returns false to remove the task
 */
export function dumpsWith(task: string, change: (entry: TaskEntry) => boolean): DumpFile[] {
  return dumpFiles().flatMap(({ name, text }) => {
    if (name.includes('verbose')) return [];
    const list = JSON.parse(text) as unknown[];
    if (name.includes('task-inspect')) {
      const kept = (list as TaskEntry[]).filter((entry) => entry.ID !== task || change(entry));
      return [{ name, text: JSON.stringify(kept) }];
    }
    for (const entry of list as { Containers?: Record<string, { Name: string }> | null }[]) {
      for (const [key, { Name }] of Object.entries(entry.Containers ?? {})) {
        if (Name.endsWith(task)) Reflect.deleteProperty(entry.Containers ?? {}, key);
      }
    }
    return [{ name, text: JSON.stringify(list) }];
  });
}

/** The names that dumps give. */
export function namesOf(files: readonly DumpFile[] = dumpFiles()): AddressNames {
  const { topology, former, networkIds } = importSwarm(files, { namesOnly: true });
  return new AddressNames(topology, former, networkIds);
}

/** A survey's report on a recording. */
export async function surveyOf(recording: string, options: SurveyOptions): Promise<SurveyReport> {
  const survey = new Survey(options);
  const source = await openCaptureFile(fixture(`docker/${recording}.pcap`));
  for await (const batch of batchesOf(source)) survey.addBatch(batch);
  const report = survey.report(source);
  await source.close();
  return report;
}
