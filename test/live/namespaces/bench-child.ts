/**
 * Run by namespace-bench.test.ts: makes a bench with a running program, prints the namespace's name and the program's
 * pid, and then exits as requested: normally, by an uncaught error, or not at all.
 */
import { NamespaceBench } from './namespace-bench.js';

const bench = new NamespaceBench();
const namespace = bench.namespace('left');
const sleeper = namespace.start(['sleep', '100']);
process.stdout.write(`${namespace.name} ${sleeper.pid ?? 0}\n`);
const how = process.argv.at(2);
if (how === 'exit') process.exit(0);
if (how === 'throw') throw new Error('as requested');
