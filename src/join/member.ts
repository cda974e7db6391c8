/** What a node has once it has an identity. */
import { AttachmentKeeper } from './attachment/attachment-keeper.js';
import { RequestedTasks } from './attachment/requested-tasks.js';
import type { JoinError } from './error.js';
import type { JoinEvent } from './events.js';
import { CertificateKeeper } from './identity/certificate-keeper.js';
import type { NodeIdentity } from './identity/node-identity.js';
import type { ManagerList } from './managers.js';
import { SwarmView } from './session/swarm-view.js';
import type { JoinTimes } from './times.js';

/** A member of a swarm. */
export interface Member {
  readonly managers: ManagerList;
  readonly attachments: AttachmentKeeper;
  readonly certificates: CertificateKeeper;
  readonly view: SwarmView;
}

/** What a member is made of. */
export interface MemberOptions {
  readonly identity: NodeIdentity;
  readonly managers: ManagerList;
  readonly stateDirectory: string;
  readonly times: JoinTimes;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly emit: (event: JoinEvent) => void;
  readonly warning: (error: JoinError) => void;
  /** Stores an identity. */
  readonly save: (identity: NodeIdentity) => void;
  /** Opens the session again, with the current identity. */
  readonly reopen: () => void;
}

/** Makes a member. */
export function newMember(options: MemberOptions): Member {
  const { identity, managers, stateDirectory, times, random, signal, emit, warning, save, reopen } = options;
  const requested = new RequestedTasks(stateDirectory, identity.nodeId, warning);
  const attachments = new AttachmentKeeper(identity.nodeId, times, requested, {
    attached: (attachment) => emit({ kind: 'attached', attachment }),
    detached: (attachment) => emit({ kind: 'detached', attachment }),
    failed: (request, error) => emit({ kind: 'attach-failed', request, error }),
  });
  const certificates = new CertificateKeeper(identity, times, random, signal, {
    changed: (renewed, next) => {
      save(next);
      emit({ kind: 'certificate', renewed, expires: next.notAfter });
    },
    reopen,
    warning,
  });
  return { managers, attachments, certificates, view: new SwarmView(managers, emit) };
}
