import { OpenNamespace } from '../../../src/live/system/network-namespace.js';

/** Calls `run` with this thread in a namespace of that name or path, and closes the namespace. */
export function inNamespace<T>(name: string, run: () => T): T {
  const namespace = new OpenNamespace(name);
  try {
    return namespace.within(run);
  } finally {
    namespace.close();
  }
}
