/**
 * Reads a capture of many files once, and by the workers of a queue, one of which is killed in the middle of a job:
 * `npm run bench:fleet-captures [-- --mb N --files N --workers N --kek]`. Both print the same, byte for byte. Linux.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { randomBytes } from 'node:crypto';
import { machineName } from '../../machine.js';
import { NatsProcess } from '../nats-process.js';
import { type Inspection, inspectProcess } from './inspect-process.js';
import { rotatedCapture } from './rotated-capture.js';
import { WorkerProcess } from './worker-process.js';

const { values } = parseArgs({
  options: {
    mb: { type: 'string', default: '1000' },
    files: { type: 'string', default: '40' },
    workers: { type: 'string', default: '4' },
    /** Seals what is in the queue. */
    kek: { type: 'boolean', default: false },
    /** Where the files are made. */
    folder: { type: 'string', default: tmpdir() },
  },
});
const MB = 1e6;

const folder = mkdtempSync(join(values.folder, 'vtep-bench-captures-'));
const server = await NatsProcess.start();
try {
  await measure();
} finally {
  server.close();
  rmSync(folder, { recursive: true, force: true });
}

async function measure(): Promise<void> {
  const { paths, bytes, packets, fragmentCuts } = rotatedCapture(folder, Number(values.mb) * MB, Number(values.files));
  print(`${machineName()}; workers, nats-server and who asks on this machine`);
  print(
    `${(bytes / MB).toFixed(0)} MB, ${packets} packets in ${paths.length} files; ` +
      `${fragmentCuts} boundaries cut a fragmented packet in two`,
  );
  const single = await inspectProcess(paths, ['--flows']);
  if (single.status !== 0) throw new Error(single.stderr);
  print(`one process:          ${took(single)}`);
  await byWorkers(paths, single, 'uploaded files:   ', []);
  await byWorkers(paths, single, '--shared-paths:   ', ['--shared-paths']);
}

async function byWorkers(
  paths: readonly string[],
  single: Inspection,
  title: string,
  options: readonly string[],
): Promise<void> {
  const address = `${server.address}/bench`;
  const kek = join(folder, 'kek.txt');
  const sealing = values.kek ? ['--kek', kek] : [];
  if (values.kek) writeFileSync(kek, randomBytes(32).toString('hex'), { mode: 0o600 });
  const workers: WorkerProcess[] = [];
  try {
    for (let i = 0; i < Number(values.workers); i++) {
      workers.push(await WorkerProcess.start(address, ['--root', folder, ...sealing]));
    }
    const before = await server.counts();
    const asked = inspectProcess(paths, ['--flows', '--fleet', address, ...sealing, ...options]);
    const [victim, ...others] = workers;
    const killed = victim.stopAtWork().then(() => victim.kill('SIGKILL'));
    const fleet = await asked;
    await killed;
    const after = await server.counts();
    const cpu = others.reduce((sum, worker) => sum + worker.cpuSeconds(), 0);
    print(`${title}    ${took(fleet)}; workers that live ${cpu.toFixed(1)} s of CPU`);
    print(
      `  server: ${(after.cpuSeconds - before.cpuSeconds).toFixed(1)} s of CPU, ` +
        `${((after.bytesIn - before.bytesIn) / MB).toFixed(0)} MB in, ` +
        `${((after.bytesOut - before.bytesOut) / MB).toFixed(0)} MB out`,
    );
    if (fleet.stderr !== '') print(fleet.stderr.trimEnd());
    const isSame = fleet.status === 0 && fleet.stdout.equals(single.stdout);
    print(isSame ? `  the same ${single.stdout.length} bytes of JSON` : '  ANOTHER RESULT');
    if (!isSame) process.exitCode = 1;
  } finally {
    await Promise.all(workers.map((worker) => worker.kill('SIGTERM')));
  }
  print(
    `  ${workers
      .slice(1)
      .map(({ lines }) => lines.at(-1))
      .join('; ')}`,
  );
}

function took({ seconds, cpuSeconds, residentBytes }: Inspection): string {
  return `${seconds.toFixed(1)} s, ${cpuSeconds.toFixed(1)} s of CPU, at most ${(residentBytes / MB).toFixed(0)} MB of memory`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
