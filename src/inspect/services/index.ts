/** Names of addresses, and the load of services. */
export { type AddressName, NameKind } from './address-name.js';
export { AddressNames } from './address-names.js';
export type { BackendReport, ServiceReport, ServiceTraffic } from './service-report.js';
