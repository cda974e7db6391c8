/** An overlay network in one process. */
export type { Arrival } from './arrival.js';
export { SimulationError, type SimulationErrorCode } from './error.js';
export { simulate } from './simulate.js';
export type { NodeAccounting, SimulatedNode } from './simulated-node.js';
export type { Simulation, SimulationAccounting, SimulationOptions } from './simulation.js';
export type { WireOptions } from './wire.js';
