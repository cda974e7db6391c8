/** What other rooms use of ipsec beyond its public entry point. */
export { SaFlag, type SaMemory, SaTable, SaWord } from './sa-table.js';
export { isNamed, type XfrmEntry, xfrmEntries, xfrmLines } from './xfrm-dump.js';
