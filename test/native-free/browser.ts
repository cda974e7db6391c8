/** A page in a headless Chromium, and the loopback server that serves its files. */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Browser, chromium, type Page } from 'playwright-core';
import { fixture } from '../repository.js';

/** Debian's path. */
const CHROMIUM = '/usr/bin/chromium';
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Milliseconds: starting a browser is slow on a machine that runs all tests at once. */
export const PAGE_TIMEOUT_MS = 120_000;

/** Starts the browser. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS, timeout: PAGE_TIMEOUT_MS });
}

/** A file served. */
export interface ServedFile {
  readonly type: 'text/html' | 'text/javascript';
  readonly text: string;
}

/** A started browser. */
export class TestBrowser {
  /** The server's address, without a trailing slash. */
  readonly address: string;
  /** Console errors and warnings, exceptions, and failed requests of pages. */
  readonly errors: string[] = [];
  readonly #browser: Browser;
  readonly #server: Server;

  private constructor(browser: Browser, server: Server) {
    this.#browser = browser;
    this.#server = server;
    this.address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /**
   * Starts browser and server.
   * @param files by path; the recordings are below `/fixtures/`
   */
  static async start(files: Readonly<Record<string, ServedFile>>): Promise<TestBrowser> {
    const server = createServer(({ url = '' }, response) => {
      const recording = /^\/fixtures\/([\w-]+\/[\w.-]+)$/.exec(url)?.[1];
      if (Object.hasOwn(files, url)) {
        response.setHeader('Content-Type', `${files[url].type}; charset=utf-8`).end(files[url].text);
      } else if (recording !== undefined) {
        response.setHeader('Content-Type', 'application/octet-stream').end(readFileSync(fixture(recording)));
      } else {
        response.writeHead(404).end();
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      return new TestBrowser(await launchChromium(), server);
    } catch (error) {
      server.close();
      throw error;
    }
  }

  /**
   * Opens a page.
   * @param before script that runs before the page's own
   */
  async open(path: string, before?: string): Promise<Page> {
    const page = await this.#browser.newPage();
    page.setDefaultTimeout(PAGE_TIMEOUT_MS);
    page.on('console', (message) => {
      if (['error', 'warning', 'assert'].includes(message.type())) this.errors.push(message.text());
    });
    page.on('pageerror', (error) => this.errors.push(error.message));
    page.on('requestfailed', (request) => this.errors.push(`${request.url()} failed`));
    if (before !== undefined) await page.addInitScript(before);
    await page.goto(this.address + path);
    return page;
  }

  /** Stops both. */
  async close(): Promise<void> {
    await this.#browser.close();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
