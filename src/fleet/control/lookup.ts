/** Finds networks and services as Docker does: by name, by id, or by the beginning of an id. */
import { OverlayError } from '../../overlay/index.js';
import { type NetworkRecord, type ServiceRecord } from '../records/schemas.js';
import { type OverlayView } from './overlay-view.js';

/** @throws OverlayError `REFUSED` in Docker's words if there is none, or more than one */
export function findNetwork({ networks }: Pick<OverlayView, 'networks'>, text: string): NetworkRecord {
  const records = [...networks.values()].flatMap(({ record }) => (record === undefined ? [] : [record]));
  return find(records, 'network', text);
}

/** @throws OverlayError `REFUSED` in Docker's words if there is none, or more than one */
export function findService({ services }: Pick<OverlayView, 'services'>, text: string): ServiceRecord {
  return find([...services.values()], 'service', text);
}

function find<T extends { id: string; name: string }>(records: readonly T[], what: string, text: string): T {
  const exact = records.find(({ name }) => name === text) ?? records.find(({ id }) => id === text);
  if (exact !== undefined) return exact;
  const matches = text === '' ? [] : records.filter(({ id }) => id.startsWith(text));
  if (matches.length > 1) {
    throw new OverlayError(
      'REFUSED',
      `${what} ${text} is ambiguous (${matches.length} matches found based on ID prefix)`,
    );
  }
  if (matches.length === 0) throw new OverlayError('REFUSED', `${what} ${text} not found`);
  return matches[0];
}
