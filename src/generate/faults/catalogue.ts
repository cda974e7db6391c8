/** All faults by name. */
import { inQuotes } from '../../text/plain-text.js';
import { didYouMean } from '../../text/suggestion.js';
import { GenerateError } from '../error.js';
import { CAPTURE_FAULTS } from './capture-faults.js';
import { ESP_FAULTS } from './esp-faults.js';
import type { Fault } from './fault.js';
import { MTU_FAULTS } from './mtu-faults.js';
import { TRAFFIC_FAULTS } from './traffic-faults.js';
import { TUNNEL_FAULTS } from './tunnel-faults.js';

/** The faults, in the order of the documentation. */
export const FAULTS: readonly Fault[] = [
  ...MTU_FAULTS,
  ...ESP_FAULTS,
  ...TUNNEL_FAULTS,
  ...TRAFFIC_FAULTS,
  ...CAPTURE_FAULTS,
];

/** Their names. */
export const FAULT_NAMES: readonly string[] = FAULTS.map(({ name }) => name);

/**
 * The fault with a name.
 * @throws GenerateError `UNKNOWN_NAME`
 */
export function faultNamed(name: string): Fault {
  const found = FAULTS.find((fault) => fault.name === name);
  if (found !== undefined) return found;
  const hint = didYouMean(name, FAULT_NAMES);
  throw new GenerateError('UNKNOWN_NAME', `no fault is called ${inQuotes(name)}${hint}`);
}
