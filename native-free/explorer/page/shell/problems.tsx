/** What is wrong with files: a list that stays until the user closes it. */
import type { FileProblem } from '../state/file-problem.js';

/** Problems in the list. */
const MAX_SHOWN = 8;

export function Problems({ problems, onDismiss }: { problems: readonly FileProblem[]; onDismiss: () => void }) {
  return (
    <div role="alert" class={problems.length === 0 ? 'hidden' : 'problems'}>
      {problems.length > 0 && (
        <>
          <ul>
            {problems.slice(0, MAX_SHOWN).map(({ name, message }) => (
              <li>
                {name !== '' && <b>{name}: </b>}
                {message}
              </li>
            ))}
            {problems.length > MAX_SHOWN && <li>and {problems.length - MAX_SHOWN} more</li>}
          </ul>
          <button onClick={onDismiss}>Close</button>
        </>
      )}
    </div>
  );
}
