/** The published ports of a task, as Docker's rules in the task's namespace have them. */
export { PORT_DROPS, PortDrop, portDropName } from './port-drop.js';
export { PortVerdict } from './port-verdict.js';
export { ingressPortsOf, type TargetPort } from './target-ports.js';
export { TaskPorts } from './task-ports.js';
export type { PortAccounting, TaskPortsOptions } from './task-ports-options.js';
