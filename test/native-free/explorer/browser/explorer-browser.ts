/** The explorer's page in a headless Chromium, used like a user does. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { ROOT } from '../../../repository.js';
import { launchChromium, PAGE_TIMEOUT_MS } from '../../browser.js';

/** The built page. */
export const EXPLORER_PAGE = join(ROOT, 'dist/native-free/explorer/explorer.html');

/** The views, by the digit that shows them. */
export const VIEW_KEYS = {
  overview: '1',
  map: '2',
  timeline: '3',
  flows: '4',
  packets: '5',
  keys: '6',
  gossip: '7',
} as const;
export type ViewName = keyof typeof VIEW_KEYS;
export const VIEW_NAMES = Object.keys(VIEW_KEYS) as ViewName[];

/** A file with bytes of its own. */
export interface MadeFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A path, or a file with bytes. */
export type GivenFile = string | MadeFile;

const WINDOW = { width: 1280, height: 800 };

function nameOf(file: GivenFile): string {
  return typeof file === 'string' ? basename(file) : file.name;
}

/** A browser for the tests of a file. */
export class ExplorerBrowser {
  /** Addresses of all requests of all pages. */
  readonly requests: string[] = [];
  /** Console errors and exceptions of all pages, and dialogs, which only a script in a file would open. */
  readonly errors: string[] = [];
  readonly #browser: Browser;

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async start(): Promise<ExplorerBrowser> {
    return new ExplorerBrowser(await launchChromium());
  }

  /** Opens a page of its own: that of the file, or another address. */
  async open(address = pathToFileURL(EXPLORER_PAGE).href, options: BrowserContextOptions = {}): Promise<ExplorerPage> {
    const context = await this.#browser.newContext({ viewport: WINDOW, ...options });
    context.on('request', (request) => this.requests.push(request.url()));
    const page = await context.newPage();
    page.setDefaultTimeout(PAGE_TIMEOUT_MS);
    page.on('console', (message) => {
      if (message.type() === 'error') this.errors.push(message.text());
    });
    page.on('pageerror', (error) => this.errors.push(error.message));
    page.on('dialog', (dialog) => {
      this.errors.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    await page.goto(address);
    return new ExplorerPage(page, context);
  }

  /** Opens the page with files. */
  async openWith(...files: readonly GivenFile[]): Promise<ExplorerPage> {
    const page = await this.open();
    await page.choose(...files);
    await page.idle();
    return page;
  }

  /** What left the machine, and what went wrong, since the last call. */
  takeFaults(): string[] {
    const outside = this.requests.splice(0).filter((url) => !/^(?:file:|blob:|data:|http:\/\/127\.0\.0\.1:)/.test(url));
    return [...outside.map((url) => `request to ${url}`), ...this.errors.splice(0)];
  }

  async close(): Promise<void> {
    await this.#browser.close();
  }
}

/** A page with the explorer. */
export class ExplorerPage {
  readonly page: Page;
  readonly #context: BrowserContext;

  constructor(page: Page, context: BrowserContext) {
    this.page = page;
    this.#context = context;
  }

  /** Chooses files in the first picker of the page. */
  async choose(...files: readonly GivenFile[]): Promise<void> {
    const chosen = files.map((file) => ({
      name: nameOf(file),
      mimeType: '',
      buffer: Buffer.from(typeof file === 'string' ? readFileSync(file) : file.bytes),
    }));
    // Files of more than 50 MB can be chosen by their path alone.
    const isLarge = files.some((file) => typeof file === 'string') && chosen.some(({ buffer }) => buffer.length > 50e6);
    await this.page
      .locator('input[type=file]')
      .first()
      .setInputFiles(isLarge ? files.filter((file) => typeof file === 'string') : chosen);
  }

  /** Waits until everything is read, and decrypted with all keys. */
  async idle(): Promise<void> {
    await this.page.locator('.state-text', { hasText: /^(?:[\d,]+ packets|Not read)$/ }).waitFor();
    await this.page.locator('main[aria-busy=false]').waitFor();
  }

  /** Waits until a file is listed as open. */
  async lists(name: string): Promise<void> {
    await this.page.locator('.open-files .file', { hasText: name }).waitFor();
  }

  /** Shows a view by its digit. */
  async show(view: ViewName): Promise<void> {
    await this.page.keyboard.press(VIEW_KEYS[view]);
    await this.page.locator(`#panel-${view}`).waitFor();
  }

  /** Applies a filter, by keyboard. */
  async filter(text: string): Promise<void> {
    await this.page.keyboard.press('/');
    await this.page.keyboard.press('Control+A');
    await this.page.keyboard.press('Backspace');
    await this.page.keyboard.insertText(text);
    await this.page.keyboard.press('Enter');
    await this.page.keyboard.press('Tab');
  }

  /** The figures of the overview, by their titles, once they are those of all packets. */
  async figures(): Promise<Record<string, string>> {
    const state = (await this.page.locator('.state-text').textContent()) ?? '';
    const packets = /^[\d,]+/.exec(state)?.[0] ?? '';
    await this.page
      .locator('.figures > div:first-child dd', { hasText: new RegExp(`^${packets}$`) })
      .waitFor({ state: 'attached' });
    const pairs = await this.page.evaluate<[string, string][]>(
      "Array.from(document.querySelectorAll('.figures > div'), (one) => [one.children[0].textContent, one.children[1].textContent])",
    );
    return Object.fromEntries(pairs);
  }

  /** What is said to be wrong with files. */
  async problems(): Promise<string[]> {
    return this.page.locator('.problems li').allTextContents();
  }

  /** The text of the panel that is shown. */
  async panel(): Promise<string> {
    return (await this.page.locator('[role=tabpanel]').innerText()).trim();
  }

  /** Takes a picture of the window for `out/explorer/`. */
  async picture(name: string): Promise<void> {
    const folder = join(ROOT, 'out/explorer');
    mkdirSync(folder, { recursive: true });
    await this.page.screenshot({ path: join(folder, `${name}.png`) });
  }

  async close(): Promise<void> {
    await this.#context.close();
  }
}

/** Numbers in a text as the page writes them. */
export function numberOf(text: string | undefined): number {
  assert.ok(text !== undefined && /^[\d,]+$/.test(text), text);
  return Number(text.replaceAll(',', ''));
}
