/** Options of tcpdump, tshark and ip that people give by habit, and what vtep has for them. */

/** Whether a command has an option. */
type Has = (option: string) => boolean;

const HABITS: Readonly<Record<string, (has: Has) => string | undefined>> = {
  r: () => 'a file is named without an option',
  i: () => 'a device is named without an option: vtep capture DEVICE',
  w: (has) =>
    has('output')
      ? 'the file to write is -o OUT'
      : has('write-wire')
        ? 'the file to write is --write-wire OUT'
        : 'captures are written by vtep decap FILE -o OUT and vtep capture DEVICE -o OUT',
  o: (has) => (has('write-wire') ? 'the file to write is --write-wire OUT' : 'decap, encap and capture write files'),
  n: () => 'addresses and ports are always numbers',
  v: (has) => (has('packets') ? '--packets prints a line for each packet' : undefined),
  x: (has) => (has('packets') ? '--packets prints a line for each packet' : undefined),
  V: () => 'vtep --version prints the version',
  c: (has) => (has('count') ? 'the number of packets is --count N' : undefined),
  Y: (has) => (has('vni') ? '--vni N picks a network' : undefined),
  f: (has) => (has('filter') ? 'the filter is --filter BPF' : 'vtep capture DEVICE takes --filter BPF'),
  D: () => 'devices are listed by vtep capture --list',
  T: (has) => (has('json') ? '--json prints one JSON object' : undefined),
  j: (has) => (has('json') ? '--json prints one JSON object' : undefined),
  s: () => 'packets are read and captured whole',
  k: (has) => (has('keys') ? 'keys are read by --keys FILE' : undefined),
};

/**
 * What vtep has for an option of another program.
 * @param option one letter, without the dash
 * @param has whether the command has a long option of its own
 */
export function habitHint(option: string, has: Has): string | undefined {
  return Object.hasOwn(HABITS, option) ? HABITS[option](has) : undefined;
}
