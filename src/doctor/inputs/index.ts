/** The inputs of doctor other than captures: texts of any kind, from any number of nodes, and the script that makes them. */
export { type CollectOptions, collectScript } from './collect-script.js';
export { IDENTIFY_BYTES, identify, type IdentifiedInput, InputForm, inputText } from './identify.js';
export { type InputFile, MAX_INPUT, readInputs, type ReadInputs, TAKEN } from './read-inputs.js';
