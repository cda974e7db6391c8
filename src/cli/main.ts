#!/usr/bin/env node
/** Entry point of the `vtep` executable. */
import { endIfInterrupted } from './interruption.js';
import { run } from './program.js';
import { widenInlining } from './v8-inlining.js';

widenInlining();
process.exitCode = await run(process.argv.slice(2));
endIfInterrupted();
