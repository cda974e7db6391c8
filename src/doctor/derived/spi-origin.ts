/** How a node derives its SPIs, as its SAs show. */
import { type SpiForm, SpiForm as Form } from '../../overlay/index.js';
import { tagsOfSpi } from '../../overlay/internal.js';
import type { XfrmSa } from '../evidence/kernel.js';
import { isTransportEsp } from './associations.js';
import { bytesOf } from './addresses.js';

/** What explains SPIs. */
export interface SpiOrigin {
  readonly form: SpiForm;
  /** SAs whose SPI it explains. */
  readonly count: number;
  /** Tags of the keys, in ascending order. */
  readonly tags: readonly number[];
}

/** Tags that are tried: Swarm's start below 65,536 and grow by two per rotation, four a day. */
const TAGS = 2 ** 20;
/** Maximum distance of the tags of one ring from its middle: rotations of other subsystems take tags, too. */
const RING = 16;
/** SAs that are looked at. */
const SAS = 64;
const FORMS = [Form.Mapped, Form.Short] as const;

/**
 * Finds the form that explains a node's SPIs, and the tags of its keys. A single SPI is explained by chance once in 2048;
 * several have to agree on the tags.
 * @returns undefined if nothing explains them: the addresses are translated, the SAs aren't Swarm's, or there are too few
 */
export function spiOrigin(sas: readonly XfrmSa[]): SpiOrigin | undefined {
  const candidates = sas.filter(isTransportEsp).slice(0, SAS);
  let best: SpiOrigin | undefined;
  let isTie = false;
  for (const form of FORMS) {
    const tags = candidates.map(({ spi, source, destination }) => {
      const from = bytesOf(source);
      const to = bytesOf(destination);
      // The forms don't differ for IPv6.
      if (from === undefined || to === undefined || (form === Form.Short && from.length + to.length !== 8)) return [];
      return tagsOfSpi(spi, from, to, form, TAGS);
    });
    const found = densest(tags);
    if (found === undefined || (best !== undefined && found.count < best.count)) continue;
    isTie = best?.count === found.count;
    best = { form, ...found };
  }
  if (best === undefined || isTie || best.count * 2 < candidates.length) return undefined;
  return best;
}

/** The tags near one another that explain the most SAs. */
function densest(tags: readonly (readonly number[])[]): Omit<SpiOrigin, 'form'> | undefined {
  let best: Omit<SpiOrigin, 'form'> | undefined;
  for (const middle of new Set(tags.flat())) {
    const near = tags.map((ofOne) => ofOne.filter((tag) => Math.abs(tag - middle) <= RING));
    const count = near.filter((ofOne) => ofOne.length > 0).length;
    if (best !== undefined && count <= best.count) continue;
    best = { count, tags: [...new Set(near.flat())].sort((a, b) => a - b) };
  }
  return best;
}
