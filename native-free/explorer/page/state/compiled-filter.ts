/** Filters as the page compiles them: what is wrong with one is shown under it. */
import { compileFilter, FilterError, type Predicate } from '../../filter/index.js';
import type { IndexTables } from '../../index/capture-index.js';

/** A filter that can be applied, or what is wrong with it. */
export type CompiledFilter =
  | { readonly kind: 'filter'; readonly test: Predicate | undefined }
  | { readonly kind: 'wrong'; readonly error: FilterError };

/** Compiles a filter. */
export function compiledFilter(text: string, tables: IndexTables): CompiledFilter {
  try {
    return { kind: 'filter', test: compileFilter(text, tables) };
  } catch (error) {
    if (error instanceof FilterError) return { kind: 'wrong', error };
    throw error;
  }
}
