/** What other rooms use of memory beyond its public entry point. */
export { ByteWriter } from './byte-writer.js';
export { addShort, addWord, beginHash, finishHash, flowKey, hashFlow4, hashMac, platformRandom } from './hash.js';
export { decodeHex, encodeHex } from './hex.js';
export { KERNEL_RANGES, type Kernels, kernelsOf } from './kernels.js';
export { KeyIndex } from './key-index.js';
export { checkRange } from './range.js';
export { checkSeconds } from './seconds.js';
export { equalBytes, isRepeatedByte, sameSecret, secretBytes, secretCopy } from './secret-bytes.js';
export { decodeText, encodeText, isAscii, textLength } from './utf8.js';
export { LITTLE_ENDIAN, viewOf } from './view.js';
export { WordCopy } from './word-copy.js';
export { getWord, putWord } from './word.js';
