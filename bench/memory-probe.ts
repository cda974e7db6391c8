/**
 * Preloaded into a measured process by `node --import`: on exit it writes the peak resident memory in KiB to the file
 * named by VTEP_BENCH_MEMORY.
 */
import { writeFileSync } from 'node:fs';

const path = process.env['VTEP_BENCH_MEMORY'];
if (path !== undefined) {
  process.on('exit', () => writeFileSync(path, String(process.resourceUsage().maxRSS)));
}
