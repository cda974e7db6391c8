/** `vtep capture`: captures packets of a device. */
import { isLinkTypeKnown, linkTypeName } from '../../capture/index.js';
import { type Device, DeviceSource, listDevices, LiveError } from '../../live/index.js';
import { inQuotes } from '../../text/plain-text.js';
import { CAPTURE_OPTIONS, capturePlan } from './capture-options.js';
import { runCapture } from './capture-run.js';
import { declare } from '../command.js';
import { ExitCode } from '../exit-code.js';
import { Operand } from '../options/declared.js';
import { underlayDecoderOptions } from '../options/underlay-decoder-options.js';
import { readKeysOption } from '../options/keys-option.js';
import { table, words } from '../table.js';
import { TextOutput } from '../text-output.js';
import { UsageError } from '../usage-error.js';

const ADDRESSES = words('addresses', { shorten: 'wrap', least: 24 });
const DEVICE_COLUMNS = [words('device', { shorten: 'end' }), words('', { shorten: 'end', least: 24 }), ADDRESSES];

function list(devices: readonly Device[], json: boolean): number {
  const output = new TextOutput();
  if (json) {
    output.json({ devices: devices.map((one) => ({ ...one, description: one.description ?? null })) });
  } else {
    const rows = devices.map(({ name, addresses, description, loopback }) => [
      name,
      description ?? (loopback ? 'loopback' : ''),
      addresses.join(' '),
    ]);
    for (const line of table(DEVICE_COLUMNS, rows)) output.line(line);
  }
  output.flush();
  return ExitCode.Done;
}

/** `vtep capture DEVICE`. */
export const captureCommand = declare({
  usage: ['DEVICE [OPTIONS]', '--list [--json]'],
  description: [
    'Captures packets from a device and shows them as tables (once a second on a terminal, otherwise at the end), or ' +
      'writes the packets (-o) or the inner frames (--decap -o) to a file. Stops on Ctrl-C, SIGTERM, --count or --for, ' +
      'and prints the totals. Needs the cap package, and root or CAP_NET_RAW.',
  ],
  operand: new Operand('[DEVICE]', 'a device', 'the device, or any for all of them; --list shows them', 'device'),
  options: CAPTURE_OPTIONS,
  notes: [
    "A packet's timestamp is the time at which it was read from the kernel; cap provides no other. Packets longer than " +
      '65,535 bytes are truncated. Kernel drops are reported as unknown, except on Linux with the koffi package.',
  ],
  examples: [
    ['vtep capture eth0', 'live tables of the overlay traffic on a device'],
    ['vtep capture eth0 -o wire.pcap --rotate-size 100M --files 10', 'keep the last gigabyte'],
    ['vtep capture eth0 --keys keys.txt --decap -o - | tshark -r -', "decrypt, and show the containers' packets"],
  ],
  fails: 'the device disappeared or went down; the packets before that are kept',
  async run(values, [device]: readonly (string | undefined)[]) {
    const { list: asked, json, rows, strict } = values;
    if (asked) {
      if (device !== undefined) throw new UsageError('--list takes no device');
      return list(listDevices(), json);
    }
    if (device === undefined) throw new UsageError('capture needs a device; vtep capture --list shows them');
    const plan = capturePlan(values);
    const files = await readKeysOption(values);
    const keys = files?.open();
    const source = await DeviceSource.open(device, { filters: plan.filters, bufferBytes: plan.bufferBytes });
    try {
      const { linkType } = source.interfaces[0];
      if (!isLinkTypeKnown(linkType) && (plan.decap || plan.survey !== undefined)) {
        throw new LiveError(
          'DEVICE_UNUSABLE',
          `${inQuotes(device)}: link type ${linkTypeName(linkType)} can't be decoded; use -o alone to keep its packets`,
        );
      }
      const checksums = values.checksums && plan.survey === 'tables';
      const decoder = { ...underlayDecoderOptions(values), ...keys };
      const outcome = await runCapture(source, plan, { decoder, checksums, rows, keys });
      files?.finish();
      if (outcome.deviceGone) return ExitCode.Unusable;
      return strict && outcome.warned ? ExitCode.DataWrong : ExitCode.Done;
    } finally {
      await source.close();
    }
  },
});
