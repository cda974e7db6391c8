/** The state as the fragment of the page's address: `#packets?filter=vni%20%3D%3D%204097&from=1.5&packet=7`. */
import { MAX_FILTER } from '../../filter/index.js';
import { type ExplorerState, VIEWS, type ViewName } from './explorer-state.js';

/** The state of a page without a fragment. */
export const INITIAL_STATE: ExplorerState = {
  view: 'overview',
  filter: '',
  from: undefined,
  to: undefined,
  packet: undefined,
};

/** The fragment of a state, with its `#`: `#packets?packet=7`. */
export function formatFragment({ view, filter, from, to, packet }: ExplorerState): string {
  const parts = [
    filter === '' ? undefined : `filter=${encodeURIComponent(filter)}`,
    from === undefined ? undefined : `from=${rounded(from)}`,
    to === undefined ? undefined : `to=${rounded(to)}`,
    packet === undefined ? undefined : `packet=${packet}`,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? `#${view}` : `#${view}?${parts.join('&')}`;
}

/** Seconds to the nanosecond, which is as exact as captures are: `parseFragment` refuses more digits. */
function rounded(value: number): number {
  return Number(value.toFixed(9));
}

/** The state of a fragment, with or without its `#`. Whatever is wrong in it is ignored. */
export function parseFragment(fragment: string): ExplorerState {
  const [view, query = ''] = fragment.replace(/^#/, '').split('?', 2);
  const values = new URLSearchParams(query);
  const filter = values.get('filter') ?? '';
  const from = seconds(values.get('from'));
  const to = seconds(values.get('to'));
  return {
    view: isView(view) ? view : INITIAL_STATE.view,
    filter: filter.length <= MAX_FILTER ? filter : '',
    ...(from !== undefined && to !== undefined && from > to ? { from: to, to: from } : { from, to }),
    packet: packetNumber(values.get('packet')),
  };
}

/** Whether two states show the same. */
export function sameState(one: ExplorerState, other: ExplorerState): boolean {
  return formatFragment(one) === formatFragment(other);
}

function isView(text: string): text is ViewName {
  return (VIEWS as readonly string[]).includes(text);
}

function seconds(text: string | null): number | undefined {
  if (text === null || !/^-?\d{1,15}(?:\.\d{1,12})?(?:e-?\d{1,2})?$/.test(text)) return undefined;
  return Number(text);
}

function packetNumber(text: string | null): number | undefined {
  if (text === null || !/^\d{1,10}$/.test(text)) return undefined;
  const value = Number(text);
  return value >= 1 && value <= 0xffff_ffff ? value : undefined;
}
