/** Starts the page. */
import { render } from 'preact';
import { Explorer } from './explorer.js';
import type { WorkerStarter } from './state/index-run.js';

/** The part of the Trusted Types API used here, which TypeScript's DOM library doesn't declare. */
interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string };
}

/** Starts workers from a script's text. */
class ScriptWorkers implements WorkerStarter {
  readonly #url: string;

  constructor(script: string) {
    const url = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
    // The page's policy refuses any other text as the address of a script, where the browser has trusted types.
    const { trustedTypes } = globalThis as { readonly trustedTypes?: TrustedTypes };
    const policy = trustedTypes?.createPolicy('vtep-worker', { createScriptURL: (address) => address });
    this.#url = policy?.createScriptURL(url) ?? url;
  }

  start(): Worker {
    return new Worker(this.#url);
  }
}

/** Shows the explorer. To be called while the page's script runs for the first time. */
export function startPage(): void {
  const starter = new ScriptWorkers(document.currentScript?.textContent ?? '');
  const root = document.getElementById('explorer');
  if (root !== null) render(<Explorer starter={starter} />, root);
}
