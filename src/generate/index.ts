/**
 * Captures of overlay traffic to order: clear or encrypted, healthy or with faults whose packets are known.
 *
 * {@link CaptureGenerator} makes a pcap or pcapng file block by block, in constant memory: {@link GenerateOptions} says what of,
 * {@link FAULTS} what may be wrong in it, and its report which packets are. {@link GenerateTask} does so in several threads.
 * @module vtep/generate
 */
export { CaptureGenerator, type GeneratedBlock, type GenerateReport } from './capture-generator.js';
export { GenerateError, type GenerateErrorCode } from './error.js';
export { FAULT_NAMES, FAULTS } from './faults/catalogue.js';
export { type Fault, type FaultNeeds } from './faults/fault.js';
export { type CheckedOptions, type GenerateOptions, type Impairments, TRAFFIC_KINDS, TrafficKind } from './options.js';
export { GenerateTask, type GenerateTaskOptions } from './generate-task.js';
export { serveGenerate } from './generate-worker.js';
export { IMIX, parseSizes, type SizeShare } from './sizes.js';
export { type FaultTruth } from './truth.js';
