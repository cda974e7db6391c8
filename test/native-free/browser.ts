/** A page in a headless Chromium, and the server on the loopback that gives it its files. */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Browser, chromium, type Page } from 'playwright-core';
import { fixture } from '../repository.js';

/** Debian's. */
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

/** A machine that runs all tests at once takes its time to start a browser. */
const TIMEOUT_MS = 120_000;

/** A file of the server's. */
export interface ServedFile {
  readonly type: 'text/html' | 'text/javascript';
  readonly text: string;
}

/** A started browser. */
export class TestBrowser {
  /** Where the server is, with no slash at the end. */
  readonly address: string;
  /** What pages wrote to their consoles as errors or warnings, threw, or asked for in vain. */
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
   * @param files by their paths; below `/fixtures/` the recordings stand
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
      return new TestBrowser(
        await chromium.launch({ executablePath: CHROMIUM, args: FLAGS, timeout: TIMEOUT_MS }),
        server,
      );
    } catch (error) {
      server.close();
      throw error;
    }
  }

  /**
   * Opens a page.
   * @param before a script that runs before the page's own
   */
  async open(path: string, before?: string): Promise<Page> {
    const page = await this.#browser.newPage();
    page.setDefaultTimeout(TIMEOUT_MS);
    page.on('console', (message) => {
      if (['error', 'warning', 'assert'].includes(message.type())) this.errors.push(message.text());
    });
    page.on('pageerror', (error) => this.errors.push(error.message));
    page.on('requestfailed', (request) => this.errors.push(`${request.url()} failed`));
    if (before !== undefined) await page.addInitScript(before);
    await page.goto(this.address + path);
    return page;
  }

  /** Ends both. */
  async close(): Promise<void> {
    await this.#browser.close();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
