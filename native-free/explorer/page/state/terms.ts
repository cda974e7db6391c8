/** Terms of the filter language that clicks make. */
import { dropReasonName } from '../../../../src/dataplane/index.js';

/** A network. */
export function vniTerm(vni: number): string {
  return `vni == ${vni}`;
}

/** A node, by its address on the underlay. */
export function nodeTerm(address: string): string {
  return `outer.addr == ${address}`;
}

/** Packets that were dropped for a reason. */
export function dropTerm(reason: number): string {
  return `drop.reason == ${dropReasonName(reason)}`;
}

/** A filter with a further term. */
export function withTerm(filter: string, term: string): string {
  const before = filter.trim();
  if (before === '' || before === term) return term;
  return /\bor\b|\|\|/.test(before) ? `(${before}) and ${term}` : `${before} and ${term}`;
}
