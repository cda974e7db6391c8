/** What doctor found, with its evidence in the packets. */
import type { DoctorReport, FindingReport, Place } from '../../../../src/doctor/index.js';
import type { CaptureIndex } from '../../index/capture-index.js';
import { CopyableText } from '../parts/copy-button.js';
import type { ExplorerState } from '../state/explorer-state.js';

interface FindingsProps {
  readonly doctor: DoctorReport;
  readonly index: CaptureIndex;
  readonly go: (changes: Partial<ExplorerState>) => void;
}

export function Findings({ doctor, index, go }: FindingsProps) {
  const { findings, omitted, collect } = doctor;
  const more = Object.values(omitted).reduce((sum, count) => sum + count, 0);
  if (findings.length === 0) {
    return (
      <>
        <p class="nothing">
          <span class="good" aria-hidden="true">
            ✓
          </span>{' '}
          Nothing that the captures and the other files show.
        </p>
        {collect.length > 0 && <Collect commands={collect} />}
      </>
    );
  }
  return (
    <>
      <ul class="findings">
        {findings.map((finding) => (
          <FindingItem key={`${finding.id} ${finding.summary}`} finding={finding} index={index} go={go} />
        ))}
      </ul>
      {more > 0 && <p class="faint">and {more.toLocaleString('en')} more of the same kinds</p>}
      {collect.length > 0 && <Collect commands={collect} />}
    </>
  );
}

function Collect({ commands }: { commands: readonly string[] }) {
  return (
    <details>
      <summary>Commands whose output would tell more</summary>
      <CopyableText text={commands.join('\n')} />
    </details>
  );
}

interface FindingItemProps {
  readonly finding: FindingReport;
  readonly index: CaptureIndex;
  readonly go: (changes: Partial<ExplorerState>) => void;
}

function FindingItem({ finding, index, go }: FindingItemProps) {
  const { severity, certainty, title, summary, exhibits, means, advice, commands, collect, threads } = finding;
  return (
    <li class="finding">
      <p class="tags">
        <span class={`badge ${severity}`}>{severity}</span> <span class="tag">{certainty}</span>
      </p>
      <div>
        <h3>{title}</h3>
        <p>{summary}</p>
        <details>
          <summary>Evidence and what to do</summary>
          <p>{means}</p>
          <h4>Evidence</h4>
          <ul>
            {exhibits.map(({ text, places = [] }) => (
              <li>
                {text}{' '}
                {places.map((place) => (
                  <PlaceLink place={place} index={index} go={go} />
                ))}
              </li>
            ))}
          </ul>
          {advice.length > 0 && (
            <>
              <h4>What to do</h4>
              <ol>
                {advice.map((sentence) => (
                  <li>{sentence}</li>
                ))}
              </ol>
            </>
          )}
          {commands.length > 0 && <CopyableText text={commands.join('\n')} />}
          {collect.length > 0 && (
            <>
              <h4>To be certain</h4>
              <CopyableText text={collect.join('\n')} />
            </>
          )}
          {threads.length > 0 && <p class="faint">Described in {threads.join(', ')}</p>}
        </details>
      </div>
    </li>
  );
}

/** A place in a file: for packets, a link to the packet. */
function PlaceLink({ place, index, go }: { place: Place; index: CaptureIndex; go: FindingsProps['go'] }) {
  const { file, line, packet } = place;
  const row = index.tables.files.find(({ name }) => name === file);
  if (packet === undefined || row === undefined) {
    return (
      <span class="places">
        {file}
        {line === undefined ? '' : `:${line}`}
      </span>
    );
  }
  const number = row.firstPacket + packet;
  return (
    <button
      class="link"
      onClick={() => go({ view: 'packets', packet: number, filter: '', from: undefined, to: undefined })}
    >
      packet {number.toLocaleString('en')}
    </button>
  );
}
