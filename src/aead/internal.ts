/** What other rooms use of aead beyond its public entry point. */
export { checkKeyLength } from './aead.js';
export { KeySlots } from './key-slots.js';
