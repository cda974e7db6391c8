/** Short names of tasks. */
import type { ServiceRecord } from '../../overlay/index.js';

/** An id that Docker puts after a task's name. */
const TASK_ID = /^(.+\.\d+)\.[a-z0-9]{25}$/;

/** A task's name without its id: `my-web.1`, or `agent@node1` for a service with one task per node. */
export function taskText({ name, service, node }: Pick<ServiceRecord, 'name' | 'service' | 'node'>): string {
  if (service === undefined || !name.startsWith(`${service.name}.`)) return shortened(name);
  const [slot] = name.slice(service.name.length + 1).split('.');
  return /^\d{1,10}$/.test(slot) ? `${service.name}.${slot}` : `${service.name}@${node}`;
}

/** A name without the id that Docker puts after a task's. */
export function shortened(name: string): string {
  return TASK_ID.exec(name)?.[1] ?? name;
}
