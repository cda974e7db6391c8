/**
 * Loaded into a measured process by `node --import`: on its exit it writes the memory that was resident at the peak, in
 * KiB, into the file that VTEP_BENCH_MEMORY names.
 */
import { writeFileSync } from 'node:fs';

const path = process.env['VTEP_BENCH_MEMORY'];
if (path !== undefined) {
  process.on('exit', () => writeFileSync(path, String(process.resourceUsage().maxRSS)));
}
