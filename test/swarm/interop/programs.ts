/** The programs that other members of the gossip run. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { requirements } from '../../live/namespaces/requirements.js';
import { ROOT } from '../../repository.js';

const FOLDER = join(ROOT, 'out/interop/bin');

/** Members with HashiCorp's memberlist, and with Docker's NetworkDB. */
export const PROGRAMS = { memberlist: join(FOLDER, 'memberlist'), networkdb: join(FOLDER, 'networkdb') } as const;

/** Why tests with these programs are skipped, or undefined. In CI none are. */
export function interopRequirements(): string | undefined {
  const lacking = requirements();
  if (lacking !== undefined || process.env['CI'] === 'true') return lacking;
  if (Object.values(PROGRAMS).every((path) => existsSync(path))) return undefined;
  return 'build the programs with test/swarm/interop/build-go.sh (Debian 12)';
}
