/** Opens further files. */
import type { NamedBlob } from '../inputs/sort-files.js';
import { Dialog } from '../parts/dialog.js';
import { FileInputs } from './file-inputs.js';

interface OpenDialogProps {
  readonly onClose: () => void;
  readonly onFiles: (files: readonly NamedBlob[]) => void;
}

export function OpenDialog({ onClose, onFiles }: OpenDialogProps) {
  return (
    <Dialog title="Open" onClose={onClose}>
      <FileInputs onFiles={onFiles} />
      <p class="faint">
        Further captures are read together with those that are open. With new keys, everything is read again in the
        background. Files can also be dropped anywhere on the page.
      </p>
    </Dialog>
  );
}
