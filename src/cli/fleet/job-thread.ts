/** Entry point of the threads that do jobs of captures: of `vtep worker`, and of commands with `--workers`. */
import { serveJobs } from '../../fleet/internal.js';

serveJobs(async (keys, { aead }) => {
  // Most captures are read without keys.
  const { openJobKeys } = await import('./job-keys.js');
  return openJobKeys(keys, aead);
});
