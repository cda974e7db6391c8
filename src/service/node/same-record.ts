/** Whether two records say the same, so that an update needn't touch them. */
import type { PublishedPort, RecordService, ServiceRecord } from '../../overlay/index.js';

/** Whether two records of one endpoint are alike. */
export function isSameRecord(a: ServiceRecord, b: ServiceRecord): boolean {
  return (
    a.name === b.name &&
    a.node === b.node &&
    (a.disabled ?? false) === (b.disabled ?? false) &&
    isSameList(a.addresses, b.addresses, isSameBytes) &&
    isSameList(a.aliases ?? [], b.aliases ?? [], Object.is) &&
    isSameService(a.service, b.service)
  );
}

function isSameService(a: RecordService | undefined, b: RecordService | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (
    a.id === b.id &&
    a.name === b.name &&
    isSameBytes(a.vip, b.vip) &&
    isSameList(a.aliases ?? [], b.aliases ?? [], Object.is) &&
    isSameList(a.ports ?? [], b.ports ?? [], isSamePort)
  );
}

/** Whether two published ports are alike. */
export function isSamePort(a: PublishedPort, b: PublishedPort): boolean {
  return a.protocol === b.protocol && a.published === b.published && a.target === b.target && a.mode === b.mode;
}

function isSameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Whether two lists have the same items in the same order. */
export function isSameList<T>(a: readonly T[], b: readonly T[], isSame: (a: T, b: T) => boolean): boolean {
  return a === b || (a.length === b.length && a.every((item, i) => isSame(item, b[i])));
}
