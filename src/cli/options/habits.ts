/** Hints for options that users of tcpdump, tshark and ip type by habit. */

/** Whether a command has an option. */
type Has = (option: string) => boolean;

const HABITS: Readonly<Record<string, (has: Has) => string | undefined>> = {
  r: () => 'name the file without an option',
  i: () => 'name the device without an option: vtep capture DEVICE',
  w: (has) =>
    has('output')
      ? 'the output file is -o OUT'
      : has('write-wire')
        ? 'the output file is --write-wire OUT'
        : 'vtep decap FILE -o OUT and vtep capture DEVICE -o OUT write captures',
  o: (has) => (has('write-wire') ? 'the output file is --write-wire OUT' : 'decap, encap and capture write files'),
  n: () => 'addresses and ports are always numeric',
  v: (has) => (has('packets') ? '--packets prints a line for each packet' : undefined),
  x: (has) => (has('packets') ? '--packets prints a line for each packet' : undefined),
  V: () => 'vtep --version prints the version',
  c: (has) => (has('count') ? '--count N stops after N packets' : undefined),
  Y: (has) => (has('vni') ? '--vni N selects a network' : undefined),
  f: (has) => (has('filter') ? 'the filter is --filter BPF' : 'vtep capture DEVICE takes --filter BPF'),
  D: () => 'vtep capture --list lists the devices',
  T: (has) => (has('json') ? '--json prints one JSON object' : undefined),
  j: (has) => (has('json') ? '--json prints one JSON object' : undefined),
  s: () => 'packets are always captured in full',
  k: (has) => (has('keys') ? '--keys FILE reads keys' : undefined),
};

/**
 * The hint for an option that belongs to another program; undefined if there is none.
 * @param option one letter, without the dash
 * @param has whether the command has a given long option
 */
export function habitHint(option: string, has: Has): string | undefined {
  return Object.hasOwn(HABITS, option) ? HABITS[option](has) : undefined;
}
