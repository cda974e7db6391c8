/** Names that Docker takes. */
import { OverlayError } from '../../overlay/index.js';

const MAX_LENGTH = 63;
const FIRST_OR_LAST = /^[a-zA-Z0-9]$/;
const ANY = /^[a-zA-Z0-9_-]+$/;
const CONTAINER = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,127}$/;

/**
 * The name of a network or a service.
 * @throws OverlayError `REFUSED` in Docker's words
 */
export function checkName(name: string): void {
  if (name === '') throw new OverlayError('REFUSED', 'meta: name must be provided');
  if (name.length > MAX_LENGTH) throw new OverlayError('REFUSED', `name must be ${MAX_LENGTH} characters or fewer`);
  if (!ANY.test(name) || !FIRST_OR_LAST.test(name[0]) || !FIRST_OR_LAST.test(name[name.length - 1])) {
    throw new OverlayError('REFUSED', 'name must be valid as a DNS name component');
  }
}

/**
 * The name of a container.
 * @throws OverlayError `REFUSED` in Docker's words
 */
export function checkContainerName(name: string): void {
  if (CONTAINER.test(name)) return;
  const shown = name.slice(0, MAX_LENGTH);
  throw new OverlayError('REFUSED', `Invalid container name (${shown}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`);
}
