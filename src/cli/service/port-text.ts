/** Published ports as `docker service ls` and `ps` show them. */
import { type PublishedPort, PublishMode } from '../../overlay/index.js';

type Port = Pick<PublishedPort, 'protocol' | 'target' | 'published' | 'mode'>;

/** The ports in ingress mode, consecutive ones as a range: `*:8080->80/tcp, *:7000-7002->7000-7002/tcp`. */
export function ingressPortsText(ports: readonly Port[]): string {
  const sorted = ports
    .filter(({ mode }) => mode === PublishMode.Ingress)
    .sort((a, b) => (a.protocol < b.protocol ? -1 : a.protocol > b.protocol ? 1 : a.published - b.published));
  const ranges: { first: Port; length: number }[] = [];
  for (const port of sorted) {
    const last = ranges.at(-1);
    const follows =
      last?.first.protocol === port.protocol &&
      last.first.published + last.length === port.published &&
      last.first.target + last.length === port.target;
    if (last !== undefined && follows) last.length++;
    else ranges.push({ first: port, length: 1 });
  }
  return ranges
    .map(({ first: { published, target, protocol }, length }) =>
      length === 1
        ? `*:${published}->${target}/${protocol}`
        : `*:${published}-${published + length - 1}->${target}-${target + length - 1}/${protocol}`,
    )
    .join(', ');
}

/** The ports in host mode, which each task has on its node: `*:53->53/udp`. */
export function hostPortsText(ports: readonly Port[]): string {
  return ports
    .filter(({ mode }) => mode === PublishMode.Host)
    .map(({ published, target, protocol }) => `*:${published}->${target}/${protocol}`)
    .join(',');
}
