// A Stash that is none, with nine scenes: examples/fake_stash.rs.
//
//   FAKE_STASH     the program (../target/debug/examples/fake_stash)

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

const PROGRAM = resolve(import.meta.dirname, process.env.FAKE_STASH ?? '../../target/debug/examples/fake_stash');

export class FakeStash {
  private constructor(
    private readonly process: ChildProcessByStdio<Writable, Readable, null>,
    private readonly lines: AsyncIterator<string>,
    readonly url: string,
  ) {}

  static async start(): Promise<FakeStash> {
    const child = spawn(PROGRAM, { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    const { value: url } = await lines.next();
    if (!url) throw new Error(`${PROGRAM} did not start`);
    return new FakeStash(child, lines, url);
  }

  /** Changes a scene, as somebody does in the browser. */
  async edit(id: string): Promise<void> {
    this.process.stdin.write(`edit ${id}\n`);
    await this.lines.next();
  }

  /** Ends with its input. */
  async stop(): Promise<void> {
    const gone = new Promise((done) => this.process.once('exit', done));
    this.process.stdin.end();
    await gone;
  }
}
