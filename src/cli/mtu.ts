/** `vtep mtu`: computes the MTU inside an overlay, step by step. */
import { dockerMtu, type EspOverhead, type MtuAnswer, mtuOf, type MtuQuestion } from '../overlay/index.js';
import { oneOf, type ParsedArguments, parseWords, UsageError, wholeNumber } from './arguments.js';
import type { Command } from './command.js';
import { ExitCode } from './exit-code.js';
import { numbers, table, words } from './table.js';
import { TextOutput } from './text-output.js';

/** The network option that sets the underlay's MTU for Docker. */
const OPTION = 'com.docker.network.driver.mtu';
/** Linux's ETH_MIN_MTU, which is RFC 791's. */
const LEAST_MTU = 68;

const HELP = `vtep mtu [OPTIONS]

Computes the largest IP packet and TCP segment that fit inside a VXLAN overlay,
step by step, and the MTU that Docker sets. Docker's doesn't depend on the
underlay: it is 1450 (encrypted: 1424), unless a network option changes it.

  --underlay N       MTU of the network between the nodes. Default: 1500
  --driver-mtu N     value of the network option com.docker.network.driver.mtu
  --ipv6             the underlay is IPv6
  --encrypted        ESP around VXLAN, as docker network create --opt encrypted
  --icv N            length of the ESP ICV in bytes: 8 (Docker), 12 or 16
                     (vtep's strict profile). Default: 8
  --tunnel FAMILY    ESP in tunnel mode, with an inner header of ipv4 or ipv6
  --encap            ESP in UDP (NAT traversal)
  --vlan N           VLAN tags in the containers' frames, 0 to 2. Default: 0
  --json             one JSON object`;

function pathOf(parsed: ParsedArguments): MtuQuestion {
  const underlayMtu = wholeNumber(parsed, 'underlay', LEAST_MTU, 65_535) ?? 1500;
  const driverMtu = wholeNumber(parsed, 'driver-mtu', LEAST_MTU, 65_535);
  const innerTags = wholeNumber(parsed, 'vlan', 0, 2) ?? 0;
  const icv = oneOf(parsed, 'icv', ['8', '12', '16']);
  const tunnel = oneOf(parsed, 'tunnel', ['ipv4', 'ipv6']);
  const encap = parsed.values['encap'] === true;
  const encrypted = parsed.values['encrypted'] === true;
  if (!encrypted && (icv !== undefined || tunnel !== undefined || encap)) {
    throw new UsageError('--icv, --tunnel and --encap need --encrypted');
  }
  const esp: EspOverhead = {
    icvLength: icv === undefined ? 8 : Number(icv),
    encap,
    ...(tunnel === undefined ? {} : { tunnel: tunnel === 'ipv4' ? 4 : 6 }),
  };
  const family = parsed.values['ipv6'] === true ? 6 : 4;
  return {
    underlayMtu,
    family,
    innerTags,
    ...(encrypted ? { esp } : {}),
    ...(driverMtu === undefined ? {} : { driverMtu }),
  };
}

/**
 * Refuses an option of which Docker makes an MTU that no interface takes.
 * @throws UsageError
 */
function checkDriverMtu({ driverMtu }: MtuQuestion, { docker }: MtuAnswer): void {
  if (driverMtu === undefined || docker === undefined || docker >= LEAST_MTU) return;
  throw new UsageError(
    `with --opt ${OPTION}=${driverMtu}, Docker would set ${docker}: an interface takes ${LEAST_MTU} or more,` +
      ' and no container starts',
  );
}

function print(output: TextOutput, path: MtuQuestion, answer: MtuAnswer): void {
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
function aboutDocker(path: MtuQuestion, { docker, dockerExcess, dockerOption }: MtuAnswer): string {
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
function optionFor({ underlayMtu, esp }: MtuQuestion, smallest: number): number {
  const encrypted = esp !== undefined;
  return dockerMtu(underlayMtu, encrypted) === dockerMtu(smallest, encrypted) ? underlayMtu : smallest;
}

/** `vtep mtu`. */
export const mtuCommand: Command = {
  summary: 'computes the MTU inside an overlay',
  help: HELP,
  run(args) {
    const parsed = parseWords('mtu', args, {
      underlay: { type: 'string' },
      'driver-mtu': { type: 'string' },
      ipv6: { type: 'boolean' },
      encrypted: { type: 'boolean' },
      icv: { type: 'string' },
      tunnel: { type: 'string' },
      encap: { type: 'boolean' },
      vlan: { type: 'string' },
      json: { type: 'boolean' },
    });
    if (parsed.operands.length > 0) throw new UsageError('mtu takes no file; see: vtep mtu --help');
    const path = pathOf(parsed);
    const answer = mtuOf(path);
    checkDriverMtu(path, answer);
    const output = new TextOutput();
    if (parsed.values['json'] === true) output.json({ ...path, ...answer });
    else print(output, path, answer);
    output.flush();
    return Promise.resolve(ExitCode.Done);
  },
};
