/** The routes that the labels of a service ask for, in any of three dialects. */
import { INTERLOCK_PREFIX, readInterlock } from './interlock.js';
import { type LabelledService, Reading, type ReadLabels } from './reading.js';
import { readTraefik, TRAEFIK_PREFIX } from './traefik.js';
import { readUcp, UCP_PREFIX } from './ucp.js';

/** Longest value of a label that is read. */
const MAX_VALUE = 16_384;

/**
 * Reads the labels of a service. Labels of other programs are ignored; those of the three dialects that aren't understood are
 * reported.
 */
export function readLabels(service: LabelledService): ReadLabels {
  const reading = new Reading(service);
  const interlock = new Map<string, string>();
  const traefik = new Map<string, string>();
  for (const [name, value] of Object.entries(service.labels)) {
    const isUcp = name.startsWith(UCP_PREFIX);
    const isInterlock = name.startsWith(INTERLOCK_PREFIX);
    const isTraefik = name.toLowerCase().startsWith(TRAEFIK_PREFIX);
    if (!isUcp && !isInterlock && !isTraefik) continue;
    if (value.length > MAX_VALUE) reading.refuse(name, `has more than ${MAX_VALUE} characters`);
    else if (isUcp) readUcp(reading, name, value);
    else if (isInterlock) interlock.set(name.slice(INTERLOCK_PREFIX.length), value);
    else traefik.set(name, value);
  }
  if (interlock.size > 0) readInterlock(reading, interlock);
  if (traefik.size > 0) readTraefik(reading, traefik);
  return reading;
}
