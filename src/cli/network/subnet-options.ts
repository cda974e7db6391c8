/** `--subnet`, `--ip-range` and `--gateway`: which of them belong together. */
import {
  formatAddress,
  formatPrefix,
  parseIp,
  parsePrefix,
  type Prefix,
  prefixContains,
  type SubnetRequest,
} from '../../overlay/index.js';
import { inQuotes } from '../../text/plain-text.js';
import type { ValueKind } from '../options/value-kinds.js';
import { UsageError } from '../usage-error.js';

/** A subnet. */
export const subnet: ValueKind<Prefix> = {
  read(given, name) {
    try {
      return parsePrefix(given);
    } catch (error) {
      throw new UsageError(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  },
};

/** An IP address. */
export const ipAddress: ValueKind<Uint8Array> = {
  read(given, name) {
    try {
      return parseIp(given);
    } catch {
      throw new UsageError(`${name} takes an IP address, not ${inQuotes(given)}`);
    }
  },
};

/** @throws UsageError if a range or a gateway has no subnet, or a subnet more than one */
export function subnetRequests(
  subnets: readonly Prefix[],
  ranges: readonly Prefix[],
  gateways: readonly Uint8Array[],
): SubnetRequest[] {
  const requests: { -readonly [K in keyof SubnetRequest]: SubnetRequest[K] }[] = subnets.map((one) => ({
    subnet: one,
  }));
  for (const range of ranges) {
    const request = requests.find(
      (one) => one.subnet.length <= range.length && prefixContains(one.subnet, range.address),
    );
    if (request === undefined) throw new UsageError(`no matching subnet for range ${formatPrefix(range)}`);
    if (request.range !== undefined) {
      throw new UsageError(`cannot configure multiple ranges on the same subnet (${formatPrefix(request.subnet)})`);
    }
    request.range = range;
  }
  for (const gateway of gateways) {
    const request = requests.find((one) => prefixContains(one.subnet, gateway));
    if (request === undefined) throw new UsageError(`no matching subnet for gateway ${formatAddress(gateway)}`);
    if (request.gateway !== undefined) {
      throw new UsageError(`cannot configure multiple gateways for the same subnet (${formatPrefix(request.subnet)})`);
    }
    request.gateway = gateway;
  }
  return requests;
}
