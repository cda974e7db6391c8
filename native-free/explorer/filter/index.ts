/** The filter language of the explorer, and what a filter selects. */
export type { Predicate } from './column-readers.js';
export { compileFilter } from './compile.js';
export { type Completion, type Completions, completions, MAX_COMPLETIONS } from './completions.js';
export { type Field, FIELDS } from './fields.js';
export { FilterError } from './filter-error.js';
export { type SelectOptions, selectPackets, type TimeRange } from './select.js';
export type { Selection, SelectionSeries, SelectionTotals } from './selection.js';
export { MAX_FILTER } from './tokens.js';
