import { createPublicKey, verify, type KeyObject } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { releaseMessage, type AgentRelease, type UpgradeReport } from '@longhaul/contracts';
import type { Logger } from 'pino';
import { AgentApi } from '../control/agent-api.js';
import { loadEnrollment } from '../control/credential-store.js';
import { readFileIfAny } from '../control/durable-file.js';
import { AgentApiError, ControllerUnreachableError } from '../control/errors.js';
import { loadIdentity } from '../control/identity.js';
import { AgentError, messageOf } from '../errors.js';
import { AGENT_VERSION } from '../version.js';
import type { RefusedRelease, ReleaseToTry, UpgradeStanding } from './process-messages.js';
import { ReleaseStore } from './release-store.js';

/** In the state directory: PEM of the Ed25519 key that releases have to be signed by, where there is one. */
export const RELEASE_KEY_FILE = 'release-key.pem';
/** A controller that is away, or busy with other agents, is asked again after this. */
const FETCH_RETRY_MS = 15_000;

export interface UpgraderOptions {
  readonly stateDir: string;
  readonly log: Logger;
  /** The release is unpacked, and the supervisor may try it. */
  readonly tryRelease: (release: ReleaseToTry) => void;
  /** The release cannot be used. */
  readonly refuse: (refused: Omit<RefusedRelease, 'atMs'>) => void;
  /** {@link Upgrader.report} is another now. */
  readonly changed: () => void;
}

/** Sees to it that the agent runs the version that its desired state names: fetches it, and asks for it to be tried. */
export class Upgrader {
  private readonly store: ReleaseStore;
  private wanted: AgentRelease | undefined;
  private standing: UpgradeStanding = { trying: null, refused: [] };
  private fetching = false;
  /** Given to the supervisor, which has not said what came of it. */
  private offered: string | undefined;
  private retryTimer: NodeJS.Timeout | undefined;
  private last = '';

  constructor(private readonly options: UpgraderOptions) {
    this.store = new ReleaseStore(options.stateDir);
  }

  /** The release that the state in force names. */
  want(release: AgentRelease | undefined): void {
    this.wanted = release;
    this.look();
  }

  /** How upgrades stand, as the supervisor says. */
  stand(standing: UpgradeStanding): void {
    this.standing = standing;
    this.offered = undefined;
    this.look();
  }

  stop(): void {
    clearTimeout(this.retryTimer);
    this.wanted = undefined;
  }

  get report(): UpgradeReport {
    const { wanted, standing, fetching } = this;
    const { trying } = standing;
    if (trying !== null)
      return { state: 'trying', version: trying.version, attempt: trying.attempt, reason: null };
    if (wanted === undefined || wanted.version === AGENT_VERSION)
      return { state: 'idle', version: null, attempt: wanted?.attempt ?? 0, reason: null };
    const { version, attempt } = wanted;
    const refused = this.refusalOf(wanted);
    if (refused !== undefined)
      return { state: 'refused', version, attempt: refused.attempt, reason: refused.reason };
    return fetching
      ? { state: 'fetching', version, attempt, reason: null }
      : { state: 'idle', version: null, attempt, reason: null };
  }

  private refusalOf({ version, sha256, attempt }: AgentRelease): RefusedRelease | undefined {
    return this.standing.refused.find(
      (entry) =>
        entry.version === version &&
        (entry.sha256 === sha256 || entry.sha256 === '') &&
        entry.attempt >= attempt,
    );
  }

  private look(): void {
    const { wanted } = this;
    if (wanted !== undefined && this.isDue(wanted)) void this.fetch(wanted);
    const now = JSON.stringify(this.report);
    if (now === this.last) return;
    this.last = now;
    this.options.changed();
  }

  private isDue(wanted: AgentRelease): boolean {
    if (wanted.version === AGENT_VERSION || this.fetching || this.standing.trying !== null) return false;
    return this.offered === undefined && this.refusalOf(wanted) === undefined;
  }

  private async fetch(release: AgentRelease): Promise<void> {
    const { version, sha256, attempt } = release;
    const { log, refuse, tryRelease } = this.options;
    clearTimeout(this.retryTimer);
    this.fetching = true;
    try {
      await this.checkSignature(release);
      if (!(await this.store.has(version, sha256))) await this.download(release);
      if (this.wanted?.sha256 === sha256) {
        this.offered = version;
        tryRelease(release);
      }
    } catch (error) {
      if (isPassing(error)) {
        log.warn({ version }, `the release cannot be fetched: ${messageOf(error)}; trying again`);
        this.retryTimer = setTimeout(() => {
          this.look();
        }, FETCH_RETRY_MS).unref();
        return;
      }
      this.offered = version;
      refuse({ version, sha256, attempt, reason: messageOf(error) });
    } finally {
      this.fetching = false;
    }
    this.look();
  }

  /** Where this machine has a key, the controller cannot make a release by itself. @throws AgentError */
  private async checkSignature({ version, sha256, signature }: AgentRelease): Promise<void> {
    const path = join(this.options.stateDir, RELEASE_KEY_FILE);
    const pem = await readFileIfAny(path);
    if (pem === undefined) return;
    if (signature === undefined)
      throw new AgentError(`release ${version} is not signed, and ${path} asks for that`);
    if (
      !verify(
        null,
        Buffer.from(releaseMessage(version, sha256)),
        readKey(pem, path),
        Buffer.from(signature, 'base64'),
      )
    )
      throw new AgentError(`release ${version} is not signed by the key in ${path}`);
  }

  private async download({ version, sha256, bytes }: AgentRelease): Promise<void> {
    const { stateDir, log } = this.options;
    const { controllerUrl, controllerCaPem } = await loadEnrollment(stateDir);
    const api = new AgentApi(new URL(controllerUrl), controllerCaPem ?? undefined);
    const file = await this.store.downloadPath(version);
    log.info({ version, bytes }, 'the release is fetched');
    try {
      await api.release(await loadIdentity(stateDir), { sha256, bytes }, file);
      await this.store.unpack(file, version, sha256);
    } finally {
      await rm(file, { force: true });
    }
  }
}

/** Whether it may go well the next time without anybody's doing. */
function isPassing(error: unknown): boolean {
  if (error instanceof AgentApiError) return error.code === 'RATE_LIMITED' || error.code === 'INTERNAL';
  return error instanceof ControllerUnreachableError;
}

function readKey(pem: string, path: string): KeyObject {
  try {
    return createPublicKey(pem);
  } catch (error) {
    throw new AgentError(`${path} holds no public key in PEM: ${messageOf(error)}`);
  }
}
