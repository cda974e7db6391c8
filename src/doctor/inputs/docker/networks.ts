/** Overlay networks of `docker network inspect`, with or without `--verbose`. */
import { formatPrefix, OverlayError, parsePrefix } from '../../../overlay/index.js';
import { readDriverOptions } from '../../../overlay/internal.js';
import type { NetworkView } from '../../evidence/docker.js';
import { addressOf, macOf, prefixOf } from '../address-text.js';
import { isObject, type JsonObject, listOf, memberOf, objectOf, stringOf } from '../json-values.js';
import { keptId, keptText, placeIn, type Source } from '../source.js';

const MTU_OPTION = 'com.docker.network.driver.mtu';
const VNI_OPTION = 'com.docker.network.driver.overlay.vxlanid_list';
const ENCRYPTED_OPTION = 'encrypted';
/** Scope of the networks of "classic" Swarm, which kept them in a separate store. */
const CLASSIC_SCOPE = 'global';
const MAX_MTU = 0xffff;

/** Whether an object describes a network. `docker info` has a storage driver and a number of containers. */
export function isDockerNetwork(object: JsonObject): boolean {
  const { Containers } = object;
  const hasContainers = 'Containers' in object && (Containers === null || isObject(Containers));
  return 'Driver' in object && ('IPAM' in object || 'Peers' in object || hasContainers);
}

/** The network that an object describes; undefined if it isn't an overlay network. */
export function networkOf(source: Source, object: JsonObject, line: number): NetworkView | undefined {
  const options = optionsOf(object);
  const driver = stringOf(object['Driver']);
  // Docker 1.13 prints no driver for some networks.
  if (driver !== 'overlay' && !(driver === '' && VNI_OPTION in options)) return undefined;
  const name = keptText(stringOf(object['Name']));
  const scope = stringOf(object['Scope']);
  return {
    place: placeIn(source, line),
    name,
    id: keptId(stringOf(object['Id'])),
    ingress: object['Ingress'] === true,
    vnis: vnisOf(source, options, name, line),
    subnets: listOf(objectOf(object['IPAM'])['Config']).flatMap((config) =>
      subnetOf(stringOf(objectOf(config)['Subnet'])),
    ),
    encrypted: ENCRYPTED_OPTION in options,
    encryptedOption: memberOf(options, ENCRYPTED_OPTION) as string | undefined,
    driverMtu: mtuOf(options),
    options,
    ipv6: object['EnableIPv6'] === true,
    endpoints: Object.values(objectOf(object['Containers'])).flatMap((one) => endpointOf(objectOf(one))),
    peers: listOf(object['Peers']).flatMap((peer) => addressOf(stringOf(objectOf(peer)['IP'])) ?? []),
    tasks: isObject(object['Services']) ? tasksOf(object['Services']) : undefined,
    classic: scope === CLASSIC_SCOPE,
  };
}

function optionsOf(object: JsonObject): Readonly<Record<string, string>> {
  const entries = Object.entries(objectOf(object['Options']));
  const options = entries.flatMap(([name, value]): [string, string][] =>
    typeof value === 'string' ? [[keptText(name), keptText(value)]] : [],
  );
  return Object.fromEntries(options);
}

function vnisOf(
  source: Source,
  options: Readonly<Record<string, string>>,
  name: string,
  line: number,
): readonly number[] {
  const list = memberOf(options, VNI_OPTION);
  if (typeof list !== 'string') return [];
  try {
    return readDriverOptions({ [VNI_OPTION]: list }).vnis;
  } catch (error) {
    if (!(error instanceof OverlayError)) throw error;
    source.warn(`network ${name}: ${error.message}: its VNIs are unknown`, line);
    return [];
  }
}

function mtuOf(options: Readonly<Record<string, string>>): number | undefined {
  const text = memberOf(options, MTU_OPTION);
  if (typeof text !== 'string' || !/^\d{1,5}$/.test(text)) return undefined;
  const mtu = Number(text);
  // Docker treats 0 as no option.
  return mtu > 0 && mtu <= MAX_MTU ? mtu : undefined;
}

function subnetOf(text: string): string[] {
  const prefix = prefixOf(text);
  if (prefix?.includes('/') !== true) return [];
  try {
    return [formatPrefix(parsePrefix(prefix))];
  } catch {
    return [prefix];
  }
}

function endpointOf(entry: JsonObject): NetworkView['endpoints'] {
  const mac = macOf(stringOf(entry['MacAddress']));
  if (mac === undefined) return [];
  return [
    {
      name: keptText(stringOf(entry['Name'])),
      mac,
      ipv4: addressOf(stringOf(entry['IPv4Address'])) ?? '',
      ipv6: addressOf(stringOf(entry['IPv6Address'])) ?? '',
    },
  ];
}

function tasksOf(services: JsonObject): NonNullable<NetworkView['tasks']> {
  return Object.entries(services).flatMap(([service, value]) => {
    const { VIP, Tasks } = objectOf(value);
    const vip = addressOf(stringOf(VIP)) ?? '';
    return listOf(Tasks).flatMap((one) => {
      const { Name, EndpointIP, Info } = objectOf(one);
      const ip = addressOf(stringOf(EndpointIP));
      if (ip === undefined) return [];
      const host = addressOf(stringOf(objectOf(Info)['Host IP'])) ?? '';
      return [{ name: keptText(stringOf(Name)), service: keptText(service), vip, ip, host }];
    });
  });
}
