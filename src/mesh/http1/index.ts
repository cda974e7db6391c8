/** HTTP/1 as a proxy reads it: heads and chunks, in place and strictly. */
export { ChunkedContent } from './chunked-content.js';
export { ConnectionOptions } from './connection-options.js';
export { cookieValue } from './cookie.js';
export { type FieldLines, MAX_FIELDS } from './field-lines.js';
export { Field } from './field-name.js';
export { NO_LENGTH } from './field-values.js';
export { faultName, HeadFault, statusOf } from './head-fault.js';
export { headEnd, INCOMPLETE, TOO_LONG } from './head-end.js';
export { PrefaceVerdict, readPreface } from './http2-preface.js';
export { isDropped } from './hop-by-hop.js';
export { readHost } from './host.js';
export { keepAliveTimeout } from './keep-alive.js';
export { type MessageEnd } from './message-end.js';
export { isIdempotent, Method } from './method.js';
export { MAX_HEAD, MAX_TARGET, RequestHead } from './request-head.js';
export { type AddedFields, FORWARDED, requestText, type Rewrite } from './request-text.js';
export { ResponseHead, SWITCHING_PROTOCOLS } from './response-head.js';
export { isVia } from './via.js';
