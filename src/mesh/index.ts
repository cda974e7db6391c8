/** An HTTP routing mesh without sockets: routes and the labels that ask for them, and what is read of connections. */
export * from './http1/index.js';
export {
  AddedFieldsMaker,
  type Claims,
  CLAIM_FIELDS,
  claimsOf,
  type Received,
  receivedOf,
  ReceivedVersion,
  type Requester,
} from './forwarded/index.js';
export * from './http2/index.js';
export { readLabels } from './labels/read-labels.js';
export type { LabelledService, ReadLabels } from './labels/reading.js';
export {
  type ProxiedConnection,
  type ProxyHeader,
  proxyHeader1,
  proxyHeader2,
  readProxyHeader,
} from './proxy-protocol/proxy-header.js';
export { configuredRoutes } from './routes/configured-routes.js';
export { BackendMode, type Route, RouteKind, type RouteTrouble, type Stickiness } from './routes/route.js';
export { MAX_ROUTES, RouteTable } from './routes/route-table.js';
export { ClientHello, HelloVerdict, MAX_CLIENT_HELLO, MAX_CLIENT_HELLO_RECORDS } from './tls/client-hello.js';
