import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ReleaseToTry, Task, UpgradeStanding } from '../upgrade/process-messages.js';
import { ReleaseStore } from '../upgrade/release-store.js';
import { AGENT_VERSION } from '../version.js';
import { eventually } from '../control/testing/eventually.js';

/** What a process of a fake release has been told. */
export interface Told {
  readonly version: string;
  readonly pid: number;
  readonly task?: Task['type'];
  readonly standing?: UpgradeStanding;
  /** Of the process that has sent them. */
  readonly flows?: readonly string[];
}

export interface FakeProgram {
  /** Tasks that are never done. */
  readonly unanswered?: readonly Task['type'][];
  /** It takes a moment to end when it is asked to. */
  readonly lingers?: boolean;
}

const LINGER_MS = 300;
const LOG = 'told.jsonl';
const REQUEST = 'try.json';

/**
 * Releases for a supervisor whose programs are no agents: each notes what it is told and says at once that a task is done. Asked to
 * release its place, one sends flows first, which have its version in place of records; one that retires stays until it is killed, as if its connections did not end.
 */
export class FakeReleases {
  private readonly store: ReleaseStore;

  constructor(readonly stateDir: string) {
    this.store = new ReleaseStore(stateDir);
  }

  async add(version: string, program: FakeProgram = {}): Promise<void> {
    const entry = this.store.entryOf(version);
    await mkdir(dirname(entry), { recursive: true });
    await writeFile(join(dirname(entry), 'package.json'), JSON.stringify({ type: 'module' }));
    await writeFile(entry, this.source(version, program));
    await writeFile(join(this.stateDir, 'releases', version, '.sha256'), version);
  }

  private source(version: string, { unanswered = [], lingers = false }: FakeProgram): string {
    const [log, request] = [LOG, REQUEST].map((name) => JSON.stringify(join(this.stateDir, name)));
    return `
      import { appendFileSync, readFileSync } from 'node:fs';
      const head = { version: ${JSON.stringify(version)}, pid: process.pid };
      const note = (what) => appendFileSync(${log}, JSON.stringify({ ...head, ...what }) + '\\n');
      process.on('message', ({ kind, id, task, standing, records }) => {
        note({ task: task?.type, standing, flows: records });
        if (task?.type === 'release') process.send({ kind: 'flows', records: [head.version] });
        if (kind !== 'task' || ${JSON.stringify(['retire', ...unanswered])}.includes(task.type)) return;
        process.send({ kind: 'done', id, handedOver: { half: 0, workers: 1, peers: [] } });
      });
      process.on('SIGUSR2', () => process.send({ kind: 'try', release: JSON.parse(readFileSync(${request})) }));
      if (${lingers}) process.on('SIGTERM', () => setTimeout(() => process.exit(), ${LINGER_MS}));
      process.on('disconnect', () => process.exit());`;
  }

  /** The release that a supervisor starts with. */
  async good(version: string): Promise<void> {
    const record = { format: 1, installed: AGENT_VERSION, good: version, refused: [] };
    await writeFile(join(this.stateDir, 'upgrade.json'), JSON.stringify(record));
  }

  /** Has the process `by` ask for a release as its upgrader would. */
  async request(by: string, version: string, over: Partial<ReleaseToTry> = {}): Promise<void> {
    const times = { confirmSeconds: 60, soakSeconds: 0, drainSeconds: 300 };
    const release = { version, sha256: version, attempt: 0, ...times, ...over };
    await writeFile(join(this.stateDir, REQUEST), JSON.stringify(release));
    process.kill(await this.pidOf(by), 'SIGUSR2');
  }

  async told(version: string): Promise<Told[]> {
    const text = await readFile(join(this.stateDir, LOG), 'utf8').catch(() => '');
    const lines = text.split('\n').filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line) as Told).filter((told) => told.version === version);
  }

  /** Resolves when a process of the version has been given the task. */
  async hasBeenGiven(version: string, task: Task['type']): Promise<void> {
    await eventually(`${version} is asked for ${task}`, async () =>
      (await this.told(version)).some((told) => told.task === task),
    );
  }

  /** Resolves when the version's process has been told that `trying` is tried now. */
  async isToldOfTrial(version: string, trying: string): Promise<void> {
    await eventually(`${version} is told that ${trying} is tried`, async () =>
      (await this.told(version)).some(({ standing }) => standing?.trying?.version === trying),
    );
  }

  /** Resolves when the version's process has been told last that nothing is tried now, or any more. */
  async isToldThatNothingIsTried(version: string): Promise<void> {
    await eventually(`${version} is told that nothing is tried`, async () => {
      const last = (await this.told(version)).findLast(({ standing }) => standing !== undefined);
      return last?.standing?.trying === null;
    });
  }

  /** Resolves when a process of the version has been told flows of these processes, in one message. */
  async isToldFlows(version: string, flows: readonly string[]): Promise<void> {
    await eventually(`${version} is told flows`, async () =>
      (await this.told(version)).some((told) => told.flows?.join() === flows.join()),
    );
  }

  /** Of the version's last process. */
  async pidOf(version: string): Promise<number> {
    return eventually(`${version} runs`, async () => (await this.told(version)).at(-1)?.pid);
  }

  async kill(version: string): Promise<void> {
    process.kill(await this.pidOf(version), 'SIGKILL');
  }

  /** Why versions were refused, by version. */
  async refusals(): Promise<Record<string, string>> {
    const record = JSON.parse(await readFile(join(this.stateDir, 'upgrade.json'), 'utf8')) as {
      refused: { version: string; reason: string }[];
    };
    return Object.fromEntries(record.refused.map(({ version, reason }) => [version, reason]));
  }
}
