/** Memory that `replay` takes for a capture that is generated while it is read, whatever its length. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { networkConfig, ROOT } from './captures.js';

const MAIN = join(ROOT, 'dist/cli/main.js');
const GENERATE = join(ROOT, 'dist/bench/generate.js');
const PROBE = pathToFileURL(join(ROOT, 'dist/bench/memory-probe.js')).href;
// A shell pipe, as users have it.
const PIPE = '"$NODE" "$GENERATE" --bytes "$BYTES" | "$NODE" --import "$PROBE" "$MAIN" replay - "$@"';

/** One replay of a stream. */
export interface StreamRun {
  readonly seconds: number;
  readonly frames: number;
  /** Peak resident memory of the replaying process, in bytes. */
  readonly peak: number;
}

/**
 * Pipes a generated capture of packets of 1492 bytes into `replay -`.
 * @param bytes of the capture
 * @throws Error unless every frame was delivered as it was sent
 */
export function replayStream(bytes: number, encrypted: boolean): StreamRun {
  const folder = mkdtempSync(join(tmpdir(), 'vtep-bench-'));
  try {
    const record = join(folder, 'peak');
    const config = join(folder, 'overlay.yaml');
    writeFileSync(config, networkConfig());
    const words = ['--config', config, '--json', ...(encrypted ? ['--encrypt'] : [])];
    const start = process.hrtime.bigint();
    const call = spawnSync('sh', ['-c', PIPE, 'sh', ...words], {
      env: {
        ...process.env,
        NODE: process.execPath,
        GENERATE,
        BYTES: String(bytes),
        PROBE,
        MAIN,
        VTEP_BENCH_MEMORY: record,
      },
    });
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    if (call.status !== 0) throw new Error(`replay - failed: ${call.stderr.toString().trim()}`);
    const { runs } = JSON.parse(call.stdout.toString()) as { runs: { frames: number; exact: number }[] };
    const [{ frames, exact }] = runs;
    if (frames === 0 || exact !== frames) throw new Error(`${exact} of ${frames} frames were delivered as sent`);
    return { seconds, frames, peak: Number(readFileSync(record, 'utf8')) * 1024 };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
