/** HTTP/2 as a proxy reads and writes it: what requests and responses are in the terms of HTTP/1, and the reverse. */
export { addLines, addRaw, type Http2Fields, noFields } from './fields.js';
export { requestFields } from './request-fields.js';
export { Http2RequestText } from './request-text.js';
export { passedFields, responseFields, responseText } from './response-fields.js';
