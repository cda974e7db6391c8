/** Writes docs/cli.md: `npm run docs:cli`. */
import { writeFileSync } from 'node:fs';
import { COMMANDS } from './commands.js';
import { cliReference } from './reference.js';

writeFileSync(new URL('../../../docs/cli.md', import.meta.url), await cliReference(COMMANDS));
