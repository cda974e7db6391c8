/** VNIs of networks, as a swarm's manager gives them out. */
import { OverlayError } from '../error.js';
import { SerialIds } from './serial-ids.js';

/** The first VNI given out: Windows can't use those that look like a VLAN id. */
export const FIRST_VNI = 4096;
const LAST_VNI = 0xffffff;

/** Gives out VNIs from 4096 on, each after the one before. */
export class VniPool {
  readonly #ids: SerialIds;

  /** @param next where the search begins. Default: at the first VNI */
  constructor(next = FIRST_VNI) {
    this.#ids = new SerialIds(next);
  }

  /** Where the next search begins. */
  get next(): number {
    return this.#ids.next;
  }

  /**
   * Takes the next VNI.
   * @throws OverlayError `NO_VNI` if all are in use
   */
  take(): number {
    const vni = this.#ids.take(FIRST_VNI, LAST_VNI);
    if (vni === undefined) {
      throw new OverlayError(
        'NO_VNI',
        `all ${LAST_VNI - FIRST_VNI + 1} VNIs from ${FIRST_VNI} to ${LAST_VNI} are in use`,
      );
    }
    return vni;
  }

  /**
   * Takes a given VNI, from 0 on.
   * @throws OverlayError `REFUSED` if it is in use
   */
  claim(vni: number): void {
    if (!this.#ids.claim(vni)) throw new OverlayError('REFUSED', `requested VNI ${vni} is already in use`);
  }

  /** Frees a VNI. */
  release(vni: number): void {
    this.#ids.release(vni);
  }
}
