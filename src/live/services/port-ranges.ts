/** Lists of published ports for people. */

/** The lowest and highest port of a range. */
interface Range {
  readonly protocol: string;
  readonly first: number;
  last: number;
}

/**
 * Ports as text: consecutive ones of a protocol become a range.
 * @param ports each as `8080/tcp`
 * @returns `8080/tcp, 9000-9010/udp`: by protocol in the order of the list, and by number
 */
export function portRanges(ports: readonly string[]): string {
  const byProtocol = new Map<string, number[]>();
  for (const port of ports) {
    const [number, protocol] = port.split('/');
    const known = byProtocol.get(protocol);
    if (known === undefined) byProtocol.set(protocol, [Number(number)]);
    else known.push(Number(number));
  }
  const ranges: Range[] = [];
  for (const [protocol, numbers] of byProtocol) {
    for (const number of numbers.sort((a, b) => a - b)) {
      const latest = ranges.at(-1);
      if (latest?.protocol === protocol && number <= latest.last + 1) latest.last = number;
      else ranges.push({ protocol, first: number, last: number });
    }
  }
  return ranges
    .map(({ protocol, first, last }) => `${first === last ? first : `${first}-${last}`}/${protocol}`)
    .join(', ');
}
