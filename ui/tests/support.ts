// A real server with a private PostgreSQL of its own for the tests of a worker, on a free port, gone afterwards.
//
//   STASHHOG       the program to test (../target/debug/stashhog)
//   STASHHOG_DEV   when set, the page comes from ui/src as it is now, by Vite's development server, instead of the program

import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test as base, expect } from '@playwright/test';
import createClient from 'openapi-fetch';
import type { ViteDevServer } from 'vite';
import type { JobDetail, paths } from '../src/api/schema';
import { isTerminal } from '../src/job/status';

export { expect };

const PROGRAM = resolve(import.meta.dirname, process.env.STASHHOG ?? '../../target/debug/stashhog');
const START_MS = 60_000;

export class Server {
  private process: ChildProcess | undefined;
  private pages: ViteDevServer | undefined;
  private port = 0;
  private log = '';

  private constructor(
    private readonly program: string,
    private readonly dir: string,
    private readonly flags: string[],
    private readonly env: Record<string, string>,
  ) {}

  /** A started server. */
  static async start(
    options: { program?: string; flags?: string[]; env?: Record<string, string> } = {},
  ): Promise<Server> {
    const dir = await mkdtemp(join(tmpdir(), 'stashhog-ui-'));
    await chmod(dir, 0o755); // started as root, PostgreSQL runs as another user
    const server = new Server(options.program ?? PROGRAM, dir, options.flags ?? [], options.env ?? {});
    await server.run();
    if (process.env.STASHHOG_DEV) server.pages = await devServer(server.apiUrl);
    return server;
  }

  /** Where the page is. */
  get url(): string {
    return this.pages?.resolvedUrls?.local[0]?.replace(/\/$/, '') ?? this.apiUrl;
  }

  get apiUrl(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Calls of the API, typed as in the page. */
  get api() {
    return createClient<paths>({ baseUrl: this.apiUrl });
  }

  /** Submits a job and returns its id. */
  async submit(type: string, params: Record<string, unknown> = {}, reason?: string): Promise<string> {
    const { data, error } = await this.api.POST('/api/jobs', { body: { type, params, reason } });
    if (!data) throw new Error(`the job was refused: ${JSON.stringify(error)}`);
    return data.id;
  }

  async job(id: string): Promise<JobDetail> {
    const { data } = await this.api.GET('/api/jobs/{id}', { params: { path: { id } } });
    if (!data) throw new Error(`there is no job ${id}`);
    return data;
  }

  /** The job when it has ended. */
  async ended(id: string): Promise<JobDetail> {
    await expect.poll(async () => isTerminal((await this.job(id)).status), { timeout: 30_000 }).toBe(true);
    return this.job(id);
  }

  /** Kills the server as a power cut would. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** Has its PostgreSQL stand still, as on a disk that hangs, until the function that this brings is called. */
  async freezeDatabase(): Promise<() => void> {
    const pid = Number((await readFile(join(this.dir, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')[0]);
    process.kill(pid, 'SIGSTOP'); // first, so that it starts no more backends
    const backends = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ').map(Number);
    for (const backend of backends) process.kill(backend, 'SIGSTOP');
    return () => {
      for (const stopped of [...backends, pid]) process.kill(stopped, 'SIGCONT');
    };
  }

  /** Starts it again, on the same port and data; with another environment, when one is given. */
  async run(env = this.env): Promise<void> {
    const flags = ['serve', '--listen', `127.0.0.1:${this.port}`, '--data-dir', this.dir, ...this.flags];
    const child = spawn(this.program, flags, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...environment(), ...env } });
    this.process = child;
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (this.log += text));
    const started = Date.now();
    for (;;) {
      const file = await readFile(join(this.dir, 'server.json'), 'utf8').catch(() => '{}');
      const { pid, url } = JSON.parse(file || '{}') as { pid?: number; url?: string };
      if (pid === child.pid && url) {
        this.port = Number(new URL(url).port);
        return;
      }
      if (child.exitCode !== null || Date.now() - started > START_MS) {
        throw new Error(`the server did not start:\n${this.log}`);
      }
      await new Promise((later) => setTimeout(later, 50));
    }
  }

  /** Ends it in order and removes its data. */
  async stop(): Promise<void> {
    await this.pages?.close();
    await this.end('SIGTERM');
    await rm(this.dir, { recursive: true, force: true });
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((done) => child.once('exit', done));
    child.kill(signal);
    await gone;
  }
}

/** The environment without what would lead the server elsewhere. */
function environment(): NodeJS.ProcessEnv {
  const { DATABASE_URL: _, ...rest } = process.env;
  return Object.fromEntries(Object.entries(rest).filter(([name]) => !name.startsWith('STASHHOG')));
}

async function devServer(api: string): Promise<ViteDevServer> {
  const { createServer } = await import('vite');
  const root = resolve(import.meta.dirname, '..');
  const server = await createServer({
    root,
    server: { port: 0, host: '127.0.0.1', proxy: { '/api': { target: api, ws: true }, '/health': api } },
  });
  return server.listen();
}

/** `server` is shared by the tests of a file; `page` opens paths of it. */
export const test = base.extend<{ baseURL: string }, { server: Server }>({
  server: [
    // biome-ignore lint/correctness/noEmptyPattern: the runner reads from the pattern what a fixture needs
    async ({}, use) => {
      const server = await Server.start();
      await use(server);
      await server.stop();
    },
    { scope: 'worker' },
  ],
  baseURL: async ({ server }, use) => use(server.url),
});
