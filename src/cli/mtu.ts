/** `vtep mtu`: computes the MTU inside an overlay, step by step. */
import { dockerMtu, type EspOverhead, type MtuResult, mtuOf, type MtuOptions } from '../overlay/index.js';
import { declare } from './command.js';
import { ExitCode } from './exit-code.js';
import { flag, option, type Values } from './options/declared.js';
import { choice, integer } from './options/value-kinds.js';
import { numbers, table, words } from './table.js';
import { TextOutput } from './text-output.js';
import { UsageError } from './usage-error.js';

/** The network option that sets the underlay's MTU for Docker. */
const OPTION = 'com.docker.network.driver.mtu';
/** Linux's ETH_MIN_MTU, which is RFC 791's. */
const LEAST_MTU = 68;

const OPTIONS = {
  underlay: option('--underlay N', 'MTU of the network between the nodes', integer(LEAST_MTU, 65_535)).or(1500),
  driverMtu: option('--driver-mtu N', `value of the network option ${OPTION}`, integer(LEAST_MTU, 65_535)),
  ipv6: flag('--ipv6', 'the underlay is IPv6'),
  encrypted: flag('--encrypted', 'ESP around VXLAN, as with docker network create --opt encrypted'),
  icv: option(
    '--icv N',
    "length of the ESP ICV in bytes; Docker uses 8, vtep's strict profile 16",
    choice('8', '12', '16'),
  ).otherwise('8'),
  tunnel: option(
    '--tunnel FAMILY',
    'ESP in tunnel mode, with an inner IP header of this family',
    choice('ipv4', 'ipv6'),
  ),
  encap: flag('--encap', 'ESP in UDP (NAT traversal)'),
  vlan: option('--vlan N', "VLAN tags in the containers' frames, 0 to 2", integer(0, 2)).or(0),
  json: flag('--json', 'print one JSON object'),
};

function questionOf(values: Values<typeof OPTIONS>): MtuOptions {
  const { underlay, driverMtu, ipv6, encrypted, icv, tunnel, encap, vlan } = values;
  if (!encrypted && (icv !== undefined || tunnel !== undefined || encap)) {
    throw new UsageError('--icv, --tunnel and --encap need --encrypted');
  }
  const esp: EspOverhead = {
    icvLength: icv === undefined ? 8 : Number(icv),
    encap,
    ...(tunnel === undefined ? {} : { tunnel: tunnel === 'ipv4' ? 4 : 6 }),
  };
  return {
    underlayMtu: underlay,
    family: ipv6 ? 6 : 4,
    innerTags: vlan,
    ...(encrypted ? { esp } : {}),
    ...(driverMtu === undefined ? {} : { driverMtu }),
  };
}

/**
 * Refuses an option of which Docker makes an MTU that no interface takes.
 * @throws UsageError
 */
function checkDriverMtu({ driverMtu }: MtuOptions, { docker }: MtuResult): void {
  if (driverMtu === undefined || docker === undefined || docker >= LEAST_MTU) return;
  throw new UsageError(
    `with --opt ${OPTION}=${driverMtu}, Docker would set ${docker}: an interface takes ${LEAST_MTU} or more,` +
      ' and no container starts',
  );
}

function print(output: TextOutput, path: MtuOptions, answer: MtuResult): void {
  const rows = answer.steps.map(({ what, bytes, left }) => [what, String(bytes), String(left)]);
  const all = [['underlay MTU', '', String(path.underlayMtu)], ...rows];
  for (const line of table([words('', { shorten: 'end' }), numbers('takes'), numbers('leaves')], all))
    output.line(line);
  output.line('');
  output.line(
    `inner MTU ${answer.innerMtu}; TCP MSS ${answer.mss4} over IPv4, ${answer.mss6} over IPv6 (without options)`,
  );
  output.line(aboutDocker(path, answer));
}

/** The MTU that Docker sets, and how to fix it. */
function aboutDocker(path: MtuOptions, { docker, dockerExcess, dockerOption }: MtuResult): string {
  if (docker === undefined || dockerExcess === undefined || dockerOption === undefined) {
    return 'Docker has no such networks: it uses ESP in transport mode, with an 8-byte ICV, and not in UDP';
  }
  const option =
    path.driverMtu === undefined ? ", whatever the underlay's MTU" : ` with --opt ${OPTION}=${path.driverMtu}`;
  const sets = `Docker sets ${docker}${option}`;
  const value = optionFor(path, dockerOption);
  const takes = value - dockerMtu(value, path.esp !== undefined);
  const cure = `create the network with --opt ${OPTION}=${value} (Docker subtracts ${takes} itself)`;
  if (dockerExcess === 0) return `${sets}: the largest that fits`;
  if (dockerExcess > 0) {
    return `${sets}: ${dockerExcess} bytes too many. Full packets are fragmented or lost; ${cure}`;
  }
  return `${sets}: ${-dockerExcess} bytes less than what fits; to use them, ${cure}`;
}

/** Prefers the underlay's MTU, which users expect, if it has the same effect as the smallest value that fits. */
function optionFor({ underlayMtu, esp }: MtuOptions, smallest: number): number {
  const encrypted = esp !== undefined;
  return dockerMtu(underlayMtu, encrypted) === dockerMtu(smallest, encrypted) ? underlayMtu : smallest;
}

/** `vtep mtu`. */
export const mtuCommand = declare({
  usage: ['[OPTIONS]'],
  description: [
    'Computes the largest IP packet and TCP segment that fit inside a VXLAN overlay, step by step, and the MTU that ' +
      "Docker sets. Docker's doesn't depend on the underlay: it is 1450 (encrypted: 1424), unless a network option " +
      'changes it.',
  ],
  options: OPTIONS,
  examples: [
    ['vtep mtu --encrypted', 'an encrypted overlay on Ethernet'],
    ['vtep mtu --underlay 9001 --encrypted', 'the same on jumbo frames, as on AWS'],
    ['vtep mtu --underlay 1500 --driver-mtu 1400', 'whether a network option is right'],
  ],
  run(values) {
    const path = questionOf(values);
    const answer = mtuOf(path);
    checkDriverMtu(path, answer);
    const output = new TextOutput();
    if (values.json) output.json({ ...path, ...answer });
    else print(output, path, answer);
    output.flush();
    return ExitCode.Done;
  },
});
