/** What only one endpoint of a config can have: a MAC, an address, an interface's name. */
import type { Locations, Path } from './locations.js';

/** Who has what. */
export class ConfigClaims {
  readonly #locations: Locations;
  readonly #owners = new Map<string, string>();

  constructor(locations: Locations) {
    this.#locations = locations;
  }

  /**
   * Claims something.
   * @param path where the config asks for it
   * @param within where it is unique: a network, or a node
   * @param owner whose it is
   * @throws OverlayError `BAD_CONFIG` if it has an owner already
   */
  claim(path: Path, within: string, what: string, owner: string): void {
    const key = JSON.stringify([within, what]);
    const other = this.#owners.get(key);
    if (other !== undefined) {
      throw this.#locations.error(path, `${path.join('.')}: ${other} of ${within} has ${what} already`);
    }
    this.#owners.set(key, owner);
  }

  /**
   * Claims the name of an interface on a node, or in a network namespace of it.
   * @throws OverlayError `BAD_CONFIG`
   */
  claimDevice(path: Path, node: string, netns: string | undefined, device: string, owner: string): void {
    this.claim(path, `${node}${netns === undefined ? '' : ` in ${netns}`}`, device, owner);
  }
}
