/** Where the interfaces of a task are, and what they are called: as those of tasks in a config. */
import { Deployment } from '../../overlay/index.js';
import { expandTemplate, isInterfaceName } from '../../overlay/internal.js';
import { type ServiceRecord } from '../records/schemas.js';

/** A task whose interfaces are to be made. */
export interface TaskPlace {
  /** `SERVICE.SLOT.ID25`. */
  readonly id: string;
  readonly slot: number | string;
  readonly node: string;
}

/** Digits of an id in the name of an interface, which has 15 characters: those that lists show. */
const SHORT_ID = 12;
const OF_TASK = /\{\{\s*\.Task\./;

/**
 * The network namespace of a task; undefined for the host's.
 * @throws OverlayError `BAD_CONFIG` if the service's template has unknown placeholders
 */
export function netnsOf({ name, netns }: ServiceRecord, { slot, node }: TaskPlace): string | undefined {
  return netns === undefined ? undefined : expandTemplate(netns, { service: name, slot: String(slot), node });
}

/**
 * The name of a task's interface: `eth0` and so on in a network namespace of its own, otherwise `SERVICE.SLOT`, with
 * the index of the network if there are several. Where that is too long, the task's id takes its place.
 * @param index which of the service's networks
 */
export function deviceOf({ name, netns, deploy, networks }: ServiceRecord, task: TaskPlace, index: number): string {
  const isAlone = netns !== undefined && (deploy === Deployment.Global || OF_TASK.test(netns));
  if (isAlone) return `eth${index}`;
  const wanted = `${name}.${task.slot}${networks.length === 1 ? '' : `-${index}`}`;
  if (isInterfaceName(wanted)) return wanted;
  return `${task.id.slice(task.id.lastIndexOf('.') + 1).slice(0, SHORT_ID)}-${index}`;
}
