/** `vtep extcap`: an external capture tool of Wireshark and tshark (extcap(4)). */
import { fileURLToPath } from 'node:url';
import { declare, print } from '../command.js';
import { ExitCode } from '../exit-code.js';
import { aeadDeclared } from '../options/aead-option.js';
import { Declared, flag, option, type Values } from '../options/declared.js';
import { keysDeclared, portDeclared, portOption, underlayDecoderOptions } from '../options/underlay-decoder-options.js';
import { file, integer, text } from '../options/value-kinds.js';
import { TextOutput } from '../text-output.js';
import { UsageError } from '../usage-error.js';
import { configSentences, linkTypeSentence, versionSentence } from './extcap-answers.js';
import { extcapFolder } from './extcap-folder.js';
import { installLauncher, type LauncherChange, uninstallLauncher } from './launcher.js';

const WIRESHARK = 'What Wireshark asks';
const MAIN = fileURLToPath(new URL('../main.js', import.meta.url));

const OPTIONS = {
  install: flag('--install', 'put a launcher into your extcap folder; Wireshark then lists the interfaces').conflicts([
    'uninstall',
    'capture',
  ]),
  uninstall: flag('--uninstall', 'remove the launcher').conflicts('capture'),
  folder: option('--folder DIR', 'the extcap folder', file).otherwise('what tshark -G folders says'),
  keys: keysDeclared,
  port: portDeclared,
  vni: option('--vni N', 'only this network', integer(0, 0xffffff)),
  undecoded: flag(
    '--undecoded',
    "also show the overlay's packets that couldn't be decoded, as they were captured, with the reason as a comment",
  ),
  aead: aeadDeclared,
  extcapInterfaces: flag('--extcap-interfaces', 'list the interfaces: devices, and running nodes').under(WIRESHARK),
  // Wireshark says its own version.
  extcapVersion: new Declared<string | boolean | undefined>('--extcap-version [VERSION]', "show vtep's version").under(
    WIRESHARK,
  ),
  extcapInterface: option('--extcap-interface NAME', 'the interface that the others are about', text).under(WIRESHARK),
  extcapDlts: flag('--extcap-dlts', 'show its link types').under(WIRESHARK),
  extcapConfig: flag('--extcap-config', 'show its settings').under(WIRESHARK),
  capture: flag('--capture', 'capture from it, until SIGTERM or Ctrl-C').under(WIRESHARK),
  fifo: option('--fifo PATH', 'the pipe or file to write to; - is standard output', file).under(WIRESHARK),
  extcapCaptureFilter: option(
    '--extcap-capture-filter BPF',
    'only packets of the wire that match this filter (man pcap-filter)',
    text,
  )
    .otherwise('VXLAN and ESP')
    .under(WIRESHARK),
};

/** `vtep extcap`. */
export const extcapCommand = declare({
  usage: ['--install | --uninstall [--folder DIR]', '--capture --extcap-interface NAME --fifo PATH [OPTIONS]'],
  description: [
    'Shows the inner frames of an overlay in Wireshark and tshark while they are on the wire, decrypted with your keys. ' +
      'Each network is an interface of its own, and the comment of each packet has the VTEPs, the VNI and, of encrypted ' +
      'packets, SPI, sequence number and size.',
    'Install it once, then pick an interface vtep-DEVICE or vtep-node-NAME (a running vtep up or join) in Wireshark. Its ' +
      'settings have the file of keys. Needs the cap package and root, or a dumpcap that you may capture with.',
  ],
  options: OPTIONS,
  notes: [
    'A node shows the packets of its VTEP on the wire, with the port and the names of networks from its status; packets ' +
      'between two endpoints of the node are never there. A file of keys is read again when it changes: after a rotation, ' +
      'write the new dump into it.',
  ],
  examples: [
    ['vtep extcap --install', 'once; tshark -D then lists vtep-eth0 and so on'],
    [
      'vtep extcap --capture --extcap-interface vtep-eth0 --keys keys.txt --fifo - | tshark -l -r -',
      'the same without installing it',
    ],
    ['vtep extcap --uninstall', 'remove what --install installed'],
  ],
  fails: "the device can't be captured from",
  async run(values) {
    if (values.install)
      return changeLauncher(values.folder, (folder) => installLauncher(folder, process.execPath, MAIN));
    if (values.uninstall) return changeLauncher(values.folder, uninstallLauncher);
    if (values.folder !== undefined) throw new UsageError('--folder needs --install or --uninstall');
    if (values.capture) return capture(values);
    return answer(values);
  },
});

/** Changes a launcher, and says what was done and what comes next. */
function changeLauncher(given: string | undefined, change: (folder: string) => LauncherChange): number {
  const { path: folder, according } = given === undefined ? extcapFolder() : { path: given, according: undefined };
  const { path, did } = change(folder);
  const output = new TextOutput();
  switch (did) {
    case 'installed':
    case 'replaced':
      output.line(`${did === 'installed' ? 'Installed' : 'Replaced'} ${path}`);
      if (given === undefined && according === undefined) {
        output.line('Neither tshark nor wireshark says where its extcap folder is; --folder DIR names another one.');
      }
      output.line('Wireshark and tshark -D list vtep-DEVICE and vtep-node-NAME from their next start.');
      break;
    case 'removed':
      output.line(`Removed ${path}`);
      break;
    case 'nothing':
      output.line(`Nothing to remove: there is no ${path}`);
  }
  output.flush();
  return ExitCode.Done;
}

/** Answers a question of Wireshark's. */
async function answer(values: Values<typeof OPTIONS>): Promise<number> {
  if (values.extcapInterfaces) {
    const { interfaceSentences } = await import('./extcap-interfaces.js');
    print((await interfaceSentences()).join('\n'));
  } else if (values.extcapDlts) {
    interfaceOf(values, '--extcap-dlts');
    print(linkTypeSentence());
  } else if (values.extcapConfig) {
    interfaceOf(values, '--extcap-config');
    print(configSentences().join('\n'));
  } else if (values.extcapVersion !== undefined) print(versionSentence());
  else
    throw new UsageError('extcap is run by Wireshark: install it with vtep extcap --install; see: vtep extcap --help');
  return ExitCode.Done;
}

async function capture(values: Values<typeof OPTIONS>): Promise<number> {
  const { fifo, extcapCaptureFilter: filter, undecoded } = values;
  const name = interfaceOf(values, '--capture');
  if (fifo === undefined) throw new UsageError('--capture needs --fifo PATH');
  const { extcapTarget } = await import('./extcap-interfaces.js');
  const target = await extcapTarget(name);
  const given = values.port.length > 0 || target.port === undefined ? values.port : [target.port];
  const { runExtcap } = await import('./extcap-capture.js');
  const { RenewedKeys } = await import('./renewed-keys.js');
  const keys = await RenewedKeys.read(values, performance.now());
  const esp = keys.open();
  const ended = await runExtcap({
    target,
    output: fifo,
    decoder: {
      ...underlayDecoderOptions({ ...values, port: given }),
      ...(esp === undefined ? {} : { esp }),
    },
    ports: portOption(given),
    filter,
    undecoded,
    renewKeys: () => keys.renew(performance.now()),
  });
  keys.finish();
  return ended ? ExitCode.Done : ExitCode.Unusable;
}

function interfaceOf({ extcapInterface }: Values<typeof OPTIONS>, what: string): string {
  if (extcapInterface === undefined) throw new UsageError(`${what} needs --extcap-interface NAME`);
  return extcapInterface;
}
