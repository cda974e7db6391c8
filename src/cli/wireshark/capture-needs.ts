/** What Wireshark needs to open a capture: found by decrypting it once. */
import { UnderlayDecoder } from '../../dataplane/index.js';
import { AddressTable, EspSurvey } from '../../inspect/internal.js';
import type { EspReport, Problem } from '../../inspect/index.js';
import { VXLAN_PORT } from '../../wire/index.js';
import { openInput, readInput } from '../capture/capture-input.js';
import type { OpenedKeys } from '../keys/key-files.js';
import { portOption, underlayDecoderOptions } from '../options/underlay-decoder-options.js';
import { ESP_ROWS } from '../../frames/internal.js';

/** What a capture needs. */
export interface CaptureNeeds {
  /** UDP ports of VXLAN that Wireshark doesn't know. */
  readonly ports: readonly number[];
  readonly espPackets: number;
  /** Those that were decrypted. */
  readonly opened: number;
  readonly esp: readonly EspReport[];
  readonly problems: readonly Problem[];
}

/**
 * Reads a capture.
 * @param port the values of `--port`; ports whose packets look like VXLAN are found without it
 * @throws UsageError for too many ports; CaptureError if the capture can't be read
 */
export async function captureNeeds(
  path: string,
  port: readonly number[],
  keys: OpenedKeys | undefined,
): Promise<CaptureNeeds> {
  const esp = keys === undefined ? {} : { esp: keys.esp };
  const decoder = new UnderlayDecoder({ ...underlayDecoderOptions({ port }), ...esp });
  const survey = new EspSurvey(new AddressTable(ESP_ROWS), ESP_ROWS);
  let espPackets = 0;
  await readInput(await openInput(path), (batch) => {
    for (let i = 0; i < batch.count; i++) {
      const verdict = decoder.receivePacket(batch, i);
      if (!decoder.encrypted) continue;
      espPackets++;
      survey.add(decoder, verdict);
    }
  });
  const found = [...(portOption(port) ?? []), ...decoder.guess.ports.map((guessed) => guessed.port)];
  return {
    ports: [...new Set(found)].filter((one) => one !== VXLAN_PORT),
    espPackets,
    opened: decoder.openedPackets,
    esp: survey.report(keys?.ringSas),
    problems: survey.problems(keys?.ringSas),
  };
}
