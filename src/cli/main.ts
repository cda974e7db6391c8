#!/usr/bin/env node
/** The command line as a program of its own. */
import { run } from './program.js';
import { widenInlining } from './v8-inlining.js';

widenInlining();
process.exitCode = await run(process.argv.slice(2));
