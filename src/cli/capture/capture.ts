/** `vtep capture`: captures packets of a device. */
import { isLinkTypeKnown, linkTypeName } from '../../capture/index.js';
import { DeviceSource, LiveError } from '../../live/index.js';
import { type Device, listDevices } from '../../live/device/device.js';
import { inQuotes } from '../../text/plain-text.js';
import { parseWords, UsageError, wholeNumber } from '../arguments.js';
import { CAPTURE_HELP, CAPTURE_OPTIONS, capturePlan } from './capture-options.js';
import { runCapture } from './capture-run.js';
import type { Command } from '../command.js';
import { ExitCode } from '../exit-code.js';
import { underlayDecoderOptions } from '../options/underlay-decoder-options.js';
import { readKeysOption } from '../options/keys-option.js';
import { DEFAULT_ROWS } from './survey-tables.js';
import { table, words } from '../table.js';
import { TextOutput } from '../text-output.js';

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
export const captureCommand: Command = {
  summary: 'captures packets of a device',
  help: CAPTURE_HELP,
  async run(args) {
    const parsed = parseWords('capture', args, CAPTURE_OPTIONS);
    const { operands, values } = parsed;
    if (values['list'] === true) {
      const others = Object.keys(values).filter((name) => name !== 'list' && name !== 'json');
      if (operands.length > 0 || others.length > 0) throw new UsageError('--list takes no option but --json');
      return list(listDevices(), values['json'] === true);
    }
    if (operands.length === 0) throw new UsageError('capture needs a device; vtep capture --list shows them');
    if (operands.length > 1) {
      throw new UsageError(
        `capture takes one device, not ${operands.length}; give a filter as --filter BPF, in quotes`,
      );
    }
    const plan = capturePlan(parsed);
    const rows = wholeNumber(parsed, 'rows', 0, 1e9) ?? DEFAULT_ROWS;
    const files = await readKeysOption(parsed);
    const keys = files?.open();
    const device = operands[0];
    const source = await DeviceSource.open(device, { filters: plan.filters, bufferBytes: plan.bufferBytes });
    try {
      const { linkType } = source.interfaces[0];
      if (!isLinkTypeKnown(linkType) && (plan.decap || plan.survey !== undefined)) {
        throw new LiveError(
          'DEVICE_UNUSABLE',
          `${inQuotes(device)}: link type ${linkTypeName(linkType)} can't be decoded; use -o alone to keep its packets`,
        );
      }
      const checksums = values['no-checksums'] !== true && plan.survey === 'tables';
      const decoder = { ...underlayDecoderOptions(parsed), ...keys };
      const outcome = await runCapture(source, plan, { decoder, checksums, rows, keys });
      files?.finish();
      if (outcome.deviceGone) return ExitCode.Unusable;
      return values['strict'] === true && outcome.warned ? ExitCode.DataWrong : ExitCode.Done;
    } finally {
      await source.close();
    }
  },
};
