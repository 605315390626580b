import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { AgentError, messageOf } from '../errors.js';
import { AGENT_VERSION } from '../version.js';
import { AgentProcess } from './agent-process.js';
import type { FromProcess, ReleaseToTry, UpgradeStanding } from './process-messages.js';
import { ReleaseRecord } from './release-record.js';
import { ReleaseStore } from './release-store.js';

/** The program of the version that the supervisor itself is of. */
const INSTALLED_ENTRY = fileURLToPath(new URL('../../bin/longhaul-agent.js', import.meta.url));
/** A process that runs answers at once; this one is stuck. */
const ANSWER_TIMEOUT_MS = 30_000;

export interface SupervisorOptions {
  readonly stateDir: string;
  readonly log: Logger;
  /** Of `longhaul-agent managed`, for every version. */
  readonly arguments: readonly string[];
}

/**
 * Keeps one process of the agent running, and changes it for one of another version when that process asks for it: both run
 * side by side, the new one takes what is new, and the one before ends when its connections have. Where the new one is not good, the
 * one before goes on, which has not stopped for a moment.
 */
export class Supervisor {
  private readonly store: ReleaseStore;
  private half: 0 | 1 = 0;
  private leader: AgentProcess | undefined;
  /** The one before, while its connections last. */
  private retiring: AgentProcess | undefined;
  /** The one that is tried; undefined again when it has become the leader, or has ended. */
  private challenger: AgentProcess | undefined;
  /** Who speaks for the agent: during a trial the process that has taken over; undefined while one takes that over from the other. */
  private speaker: AgentProcess | undefined;
  /** What connections have moved while nobody spoke for the agent. */
  private untold: Extract<FromProcess, { kind: 'flows' }>[] = [];
  private trying: ReleaseToTry | undefined;
  private upgrading: Promise<void> = Promise.resolve();
  private stopping = false;
  private fail: (error: Error) => void = () => undefined;
  /** Rejects when no process of the agent is left. */
  readonly failed: Promise<never>;

  private constructor(
    private readonly options: SupervisorOptions,
    private readonly record: ReleaseRecord,
  ) {
    this.store = new ReleaseStore(options.stateDir);
    this.failed = new Promise((_, reject) => (this.fail = reject));
    this.failed.catch(() => undefined);
  }

  /** Resolves when the agent runs, in the last version that was good. @throws AgentError */
  static async start(options: SupervisorOptions): Promise<Supervisor> {
    const record = await ReleaseRecord.open(options.stateDir, AGENT_VERSION);
    const supervisor = new Supervisor(options, record);
    await supervisor.begin();
    return supervisor;
  }

  private async begin(): Promise<void> {
    const { good } = this.record;
    if (good !== null && (await this.beginWith(good))) return;
    const installed = this.spawn(null);
    try {
      await installed.do({ type: 'start', half: this.half });
    } catch (error) {
      await installed.stop();
      throw new AgentError(messageOf(error));
    }
    this.lead(installed);
  }

  /** False: the release does not come up any more, and is refused. */
  private async beginWith(version: string): Promise<boolean> {
    if (!(await this.store.has(version))) return false;
    const process = this.spawn(version);
    try {
      await within(ANSWER_TIMEOUT_MS, process.do({ type: 'start', half: this.half }), 'it does not start');
      this.lead(process);
      return true;
    } catch (error) {
      await process.stop();
      const reason = `does not start any more: ${messageOf(error)}`;
      await this.refuse({ version, sha256: '', attempt: 0 }, reason);
      this.options.log.warn('the installed version runs instead');
      await this.keep(null);
      return false;
    }
  }

  /** @param version null: the installed one */
  private spawn(version: string | null): AgentProcess {
    const entry = version === null ? INSTALLED_ENTRY : this.store.entryOf(version);
    const process: AgentProcess = new AgentProcess(
      version ?? AGENT_VERSION,
      entry,
      ['managed', ...this.options.arguments],
      (message) => {
        this.take(process, message);
      },
    );
    return process;
  }

  private lead(process: AgentProcess): void {
    this.leader = process;
    this.speakBy(process);
    this.tellStanding();
    void process.ended.then((outcome) => {
      // What its end means to a trial is for the trial to say.
      if (this.leader === process && this.challenger === undefined && !this.stopping)
        this.fail(new AgentError(`the agent (version ${process.version}) ${outcome}`));
    });
  }

  private take(from: AgentProcess, message: Exclude<FromProcess, { kind: 'done' }>): void {
    switch (message.kind) {
      case 'flows':
        if (this.speaker === undefined) this.untold.push(message);
        else if (from !== this.speaker) this.speaker.send(message);
        break;
      case 'try':
        if (from === this.leader) this.upgrade(message.release);
        break;
      case 'refuse':
        void this.refuse(message.refused, message.refused.reason);
        break;
    }
  }

  private speakBy(process: AgentProcess): void {
    this.speaker = process;
    for (const message of this.untold) process.send(message);
    this.untold = [];
  }

  private get standing(): UpgradeStanding {
    return { trying: this.trying ?? null, refused: this.record.refused };
  }

  private tellStanding(): void {
    for (const process of [this.leader, this.challenger, this.retiring])
      process?.send({ kind: 'standing', standing: this.standing });
  }

  private async refuse(
    release: Pick<ReleaseToTry, 'version' | 'sha256' | 'attempt'>,
    reason: string,
  ): Promise<void> {
    this.options.log.error({ version: release.version }, `the version is not used: ${reason}`);
    await this.record.refuse(release, reason).catch((error: unknown) => {
      this.options.log.error(`that cannot be written down: ${messageOf(error)}`);
    });
    this.tellStanding();
  }

  /** @param version that is good; null: the installed one */
  private async keep(version: string | null): Promise<void> {
    await this.record.keep(version).catch((error: unknown) => {
      this.options.log.error(
        { version },
        `which version is good cannot be written down, so a restart begins with the one before: ${messageOf(error)}`,
      );
    });
  }

  /** Room on the disk is all that is lost where it fails; the next trial tries it again. */
  private async prune(keep: readonly string[]): Promise<void> {
    await this.store.prune(keep).catch((error: unknown) => {
      this.options.log.warn(`releases that are not used any more cannot be removed: ${messageOf(error)}`);
    });
  }

  private upgrade(release: ReleaseToTry): void {
    if (this.trying !== undefined || this.stopping) return;
    this.trying = release;
    this.tellStanding();
    this.upgrading = this.tryRelease(release)
      .catch((error: unknown) => {
        this.fail(error instanceof Error ? error : new AgentError(messageOf(error)));
      })
      .finally(() => {
        this.trying = undefined;
        this.tellStanding();
      });
  }

  private async tryRelease(release: ReleaseToTry): Promise<void> {
    const before = this.leader;
    if (before === undefined) return;
    // Two processes are as many as their sessions can be told apart for.
    await this.retiring?.ended;
    // The release is not to blame for an end of the leader meanwhile.
    if (this.stopping || before.outcome !== undefined) return;
    const { version } = release;
    this.options.log.info({ from: before.version, to: version }, 'a version is tried');
    const after = (this.challenger = this.spawn(version));
    // It reports that it is tried, and fetches no other release before that is over: what is half fetched would be pruned.
    this.tellStanding();
    const ended = endOf(after, 'it');
    try {
      const confirmed = within(
        release.confirmSeconds * 1000,
        this.changeOver(before, after),
        `it was not ready within ${release.confirmSeconds} s`,
      );
      await Promise.race([confirmed, ended, endOf(before, `version ${before.version}`)]);
      await Promise.race([sleep(release.soakSeconds * 1000, undefined, { ref: false }), ended]);
    } catch (error) {
      await this.returnTo(before, after, release, messageOf(error));
      return;
    }
    await this.settle(before, after, release);
  }

  private async changeOver(before: AgentProcess, after: AgentProcess): Promise<void> {
    const half = this.half === 0 ? 1 : 0;
    const { handedOver } = await within(ANSWER_TIMEOUT_MS, before.do({ type: 'hand-over' }), 'no answer');
    await after.do({ type: 'start', half, predecessor: handedOver });
    this.speaker = undefined;
    await before.do({ type: 'release' });
    await after.do({ type: 'take-over' });
    this.speakBy(after);
    await before.do({ type: 'step-back' });
  }

  private async returnTo(
    before: AgentProcess,
    after: AgentProcess,
    release: ReleaseToTry,
    reason: string,
  ): Promise<void> {
    this.speaker = undefined;
    await after.stop();
    this.challenger = undefined;
    if (this.stopping) return;
    await this.refuse(release, reason);
    if (before.outcome !== undefined)
      throw new AgentError(
        `version ${before.version} ${before.outcome} while version ${release.version} was tried`,
      );
    await within(
      ANSWER_TIMEOUT_MS,
      before.do({ type: 'take-back' }),
      `version ${before.version} does not go on`,
    );
    this.speakBy(before);
    this.options.log.warn({ version: before.version }, 'the version before goes on');
    await this.prune([before.version]);
  }

  private async settle(before: AgentProcess, after: AgentProcess, release: ReleaseToTry): Promise<void> {
    const { version } = release;
    this.half = this.half === 0 ? 1 : 0;
    this.challenger = undefined;
    this.retiring = before;
    this.lead(after);
    await this.keep(version);
    await this.prune([version, before.version]);
    this.options.log.info({ version }, 'the version is good; the one before ends when its connections do');
    void before.ended.then(() => {
      this.retiring = undefined;
      after.do({ type: 'predecessor-ended' }).catch(() => undefined);
    });
    // It ends without an answer.
    before.do({ type: 'retire', drainSeconds: release.drainSeconds }).catch(() => undefined);
  }

  /** Ends all processes of the agent. */
  async stop(): Promise<void> {
    this.stopping = true;
    const processes = [this.leader, this.retiring, this.challenger];
    await Promise.all(processes.map((process) => process?.stop()));
    await this.upgrading;
  }
}

/** Rejects when the process ends. */
function endOf(process: AgentProcess, name: string): Promise<never> {
  const end = process.ended.then((outcome): never => {
    throw new Error(`${name} ${outcome}`);
  });
  end.catch(() => undefined);
  return end;
}

async function within<T>(limitMs: number, work: Promise<T>, complaint: string): Promise<T> {
  const ended = new AbortController();
  const late = sleep(limitMs, undefined, { signal: ended.signal }).then((): never => {
    throw new Error(complaint);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    ended.abort();
  }
}
