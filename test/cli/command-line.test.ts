/** Arguments: habits that work, and one line in our own args about each that doesn't. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fixture } from '../repository.js';
import { vtep } from './run.js';

const ICMP = fixture('vxlan/01-icmp.underlay.pcap');

describe('help is printed on standard output', () => {
  for (const [args, usage] of [
    ['--help', 'COMMAND'],
    ['-h', 'COMMAND'],
    ['help', 'COMMAND'],
    ['help --help', 'COMMAND'],
    ['help inspect', 'inspect FILE'],
    ['inspect help', 'inspect FILE'],
    ['inspect -h', 'inspect FILE'],
    ['inspect --help', 'inspect FILE'],
    ['inspect x --rows 3 --help', 'inspect FILE'],
    ['help keys', 'keys COMMAND'],
    ['keys help', 'keys COMMAND'],
    ['keys --help', 'keys COMMAND'],
    ['help keys generate', 'keys generate -o'],
    ['keys help generate', 'keys generate -o'],
    ['keys generate help', 'keys generate -o'],
    ['keys generate -h', 'keys generate -o'],
  ] as const) {
    test(`by vtep ${args}`, async () => {
      const { status, stdout, stderr } = await vtep(args.split(' '));
      assert.deepEqual([status, stderr], [0, '']);
      assert.ok(stdout.startsWith(`Usage: vtep ${usage}`), stdout);
    });
  }

  test('but not by --help after --, which is a file', async () => {
    const { status, stderr } = await vtep(['inspect', '--', '--help']);
    assert.equal(status, 2);
    assert.match(stderr, /^vtep: --help: no such file/);
  });
});

describe('exits 2 and says in one line', () => {
  for (const [args, says] of [
    ['inspekt', 'unknown command "inspekt"; did you mean inspect?'],
    ['caputre', 'unknown command "caputre"; did you mean capture?'],
    ['in', 'unknown command "in"; did you mean inspect or inject?'],
    ['frobnicate', 'unknown command "frobnicate"; see: vtep --help'],
    ['--pakets', 'unknown option "--pakets"; see: vtep --help'],
    ['help inspekt', 'unknown command "inspekt"; did you mean inspect?'],
    ['keys mach', 'keys: unknown command "mach"; did you mean match?'],
    ['help keys mach', 'keys: unknown command "mach"; did you mean match?'],
    ['inspect x --pakets', 'inspect: unknown option "--pakets"; did you mean --packets?'],
    ['inspect x --key', 'inspect: unknown option "--key"; did you mean --keys?'],
    ['inspect x --pack', 'inspect: unknown option "--pack"; did you mean --packets?'],
    ['inspect x --re', 'inspect: unknown option "--re"; did you mean --reserved?'],
    ['replay x --r', 'replay: unknown option "--r"; see: vtep replay --help'],
    ['replay x --ro', 'replay: unknown option "--ro"; did you mean --rotate-every?'],
    ['inspect x --pakets=1', 'inspect: unknown option "--pakets"; did you mean --packets?'],
    ['keys generate --ouput x', 'keys generate: unknown option "--ouput"; did you mean --output?'],
    ['inspect x --json=1', '--json takes no value'],
    ['inspect x --vni=', '--vni takes an integer from 0 to 16777215, not ""'],
    ['inspect x --vni=x', '--vni takes an integer from 0 to 16777215, not "x"'],
    ['inspect x --vni', '--vni needs a value: --vni N'],
    ['inspect x --keys --json', '--keys needs a value: --keys FILE'],
    ['decap x -o --json', '--output needs a value: -o, --output OUT'],
    ['inspect x --rows -1', '--rows takes an integer from 0 to 1000000000, not "-1"'],
    ['inspect x --rows=-1', '--rows takes an integer from 0 to 1000000000, not "-1"'],
    ['inspect x --vni 1 --vni 2', '--vni was given twice, with different values'],
    ['inspect x --rows 5 --rows 6', '--rows was given twice, with different values'],
    ['inspect', 'inspect needs a capture file; see: vtep inspect --help'],
    ['demo x y', 'demo takes one capture file, not 2; see: vtep demo --help'],
    ['mtu x', 'mtu takes only options, not "x"; see: vtep mtu --help'],
    ['inspect x --packets --json', '--packets and --json are mutually exclusive'],
    ['inject x --to y --pps 1 --mbps 1', '--pps and --mbps are mutually exclusive'],
    ['decap x', 'decap needs -o OUT (output file; - is standard output); usage: vtep decap FILE... -o OUT [OPTIONS]'],
    ['up', 'up needs --node NAME (the node that this host is); usage: vtep up --config FILE --node NAME [OPTIONS]'],
    ['decap x -w y', 'decap: unknown option "-w": the output file is -o OUT; see: vtep decap --help'],
  ] as const) {
    test(`vtep ${args}`, async () => {
      const { status, stdout, stderr } = await vtep(args.split(' '));
      assert.deepEqual([status, stdout, stderr], [2, '', `vtep: ${says}\n`]);
    });
  }
});

describe('accepts', () => {
  for (const [what, args] of [
    ['--option=value', ['inspect', ICMP, '--rows=5', '--port=4789']],
    ['options before operands', ['inspect', '--rows', '5', ICMP]],
    ['an operand after --', ['inspect', '--rows', '5', '--', ICMP]],
    [
      'a repeated option with the same value',
      ['inspect', ICMP, '--vni', '4097', '--vni', '0x1001', '--json', '--json'],
    ],
    ['a value directly after a letter', ['decap', ICMP, '-o/dev/null']],
  ] as const) {
    test(what, async () => {
      const { status, stderr } = await vtep(args);
      assert.equal(status, 0, stderr);
    });
  }
});
