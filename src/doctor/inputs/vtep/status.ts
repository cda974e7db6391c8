/** What `vtep status --json` says of a node, as the facts that the kernel's outputs give of others. */
import type { NetworkView } from '../../evidence/docker.js';
import type { FdbRow, XfrmSa } from '../../evidence/kernel.js';
import { addressOf, macOf, prefixOf } from '../address-text.js';
import { isObject, type JsonObject, listOf, numberOf, objectOf, stringOf } from '../json-values.js';
import { keptText, placeIn, type Source } from '../source.js';

/** The facts of a status. */
export interface StatusFacts {
  /** Name of the node; empty if the status has no section `node`. */
  readonly name: string;
  readonly addresses: readonly string[];
  readonly networks: readonly NetworkView[];
  readonly fdb: readonly FdbRow[];
  readonly sas: readonly XfrmSa[];
}

/** Whether an object is a status. */
export function isVtepStatus(object: JsonObject): boolean {
  if (typeof object['version'] !== 'number') return false;
  const { node } = object;
  if (isObject(node) && 'vtep' in node) return true;
  return ['networks', 'endpoints', 'forwarding', 'sas'].some((name) => Array.isArray(objectOf(object[name])['rows']));
}

function rowsOf(status: JsonObject, section: string): JsonObject[] {
  return listOf(objectOf(status[section])['rows']).filter(isObject);
}

/** The facts of a status. Its forwarding entries and SAs have the place of the whole document. */
export function factsOfStatus(source: Source, status: JsonObject, line: number): StatusFacts {
  const node = objectOf(status['node']);
  const vtep = addressOf(stringOf(node['vtep']));
  const place = placeIn(source, line);
  return {
    name: keptText(stringOf(node['name'])),
    addresses: vtep === undefined ? [] : [vtep],
    networks: networksOf(status, place),
    fdb: rowsOf(status, 'forwarding').flatMap(({ mac, vtep: to, vni, learned }) => {
      const [station, destination] = [macOf(stringOf(mac)), addressOf(stringOf(to))];
      if (station === undefined || destination === undefined) return [];
      const isLearned = learned === true;
      return [
        {
          place,
          mac: station,
          device: '',
          destination,
          vni: numberOf(vni),
          self: true,
          master: false,
          permanent: !isLearned,
          learned: isLearned,
        },
      ];
    }),
    sas: rowsOf(status, 'sas').flatMap((row) => saOf(row, vtep, place) ?? []),
  };
}

function networksOf(status: JsonObject, place: NetworkView['place']): NetworkView[] {
  const endpoints = new Map<string, NetworkView['endpoints'][number][]>();
  for (const { name, network, address, mac } of rowsOf(status, 'endpoints')) {
    const station = macOf(stringOf(mac));
    if (station === undefined) continue;
    const ip = addressOf(stringOf(address)) ?? '';
    const isIpv6 = ip.includes(':');
    const list = endpoints.get(stringOf(network)) ?? [];
    endpoints.set(stringOf(network), list);
    list.push({ name: keptText(stringOf(name)), mac: station, ipv4: isIpv6 ? '' : ip, ipv6: isIpv6 ? ip : '' });
  }
  return rowsOf(status, 'networks').map(({ name, vni, subnets, encrypted }) => ({
    place,
    name: keptText(stringOf(name)),
    id: '',
    ingress: false,
    vnis: [numberOf(vni)],
    subnets: listOf(subnets).flatMap((subnet) => prefixOf(stringOf(subnet)) ?? []),
    encrypted: encrypted === true,
    encryptedOption: undefined,
    driverMtu: undefined,
    options: {},
    ipv6: false,
    endpoints: endpoints.get(stringOf(name)) ?? [],
    peers: [],
    tasks: undefined,
    classic: false,
  }));
}

function saOf(row: JsonObject, vtep: string | undefined, place: XfrmSa['place']): XfrmSa | undefined {
  const peer = addressOf(stringOf(row['address']));
  const spi = Number(stringOf(row['spi']));
  if (peer === undefined || vtep === undefined || !Number.isInteger(spi)) return undefined;
  const isOut = row['direction'] === 'out';
  const sequence = numberOf(row['sequence']);
  return {
    place,
    source: isOut ? vtep : peer,
    destination: isOut ? peer : vtep,
    protocol: 'esp',
    spi,
    mode: 'transport',
    algorithm: 'rfc4106(gcm(aes))',
    icvBits: 8 * numberOf(row['icv']),
    keyId: undefined,
    replayWindow: numberOf(row['replayWindow']),
    esn: row['esn'] === true,
    sent: isOut ? sequence : 0,
    received: isOut ? 0 : sequence,
    mark: '',
    bytes: numberOf(row['bytes']),
    packets: numberOf(row['packets']),
    added: '',
    used: '',
    replayErrors: -1,
    integrityErrors: -1,
  };
}
