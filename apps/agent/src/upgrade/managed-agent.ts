import { setTimeout as sleep } from 'node:timers/promises';
import { features } from '@longhaul/native';
import type { Logger } from 'pino';
import { EnrolledStateSource } from '../control/enrolled-state-source.js';
import { FlowRecorder } from '../control/telemetry/flow-recorder.js';
import { AgentError, messageOf } from '../errors.js';
import { Agent, type HandedOverAgent, type RunOptions } from '../run-agent.js';
import type { FromProcess, Task, ToProcess } from './process-messages.js';
import { Upgrader } from './upgrader.js';

/** How often a condition is looked at that has no event. */
const LOOK_MS = 50;
/** Counts of connections are so old at most: twice the interval of snapshots. */
const SNAPSHOT_AGE_MS = 1000;

export type ManagedOptions = Omit<RunOptions, 'source' | 'handover'> & { readonly stateDir: string };

/** An enrolled agent that a supervisor has started, and that does what it is asked to. */
class ManagedAgent {
  private readonly upgrader: Upgrader;
  private readonly flowRecorder = new FlowRecorder();
  private source: EnrolledStateSource | undefined;
  private agent: Agent | undefined;
  private readonly log: Logger;
  private end: (reason: string) => void = () => undefined;
  private fail: (error: unknown) => void = () => undefined;
  /** Resolves with the reason when the process is to end. */
  readonly ending: Promise<string>;

  constructor(
    private readonly options: ManagedOptions,
    private readonly tell: (message: FromProcess) => void,
  ) {
    this.log = options.log;
    this.ending = new Promise((resolve, reject) => {
      this.end = resolve;
      this.fail = reject;
    });
    this.upgrader = new Upgrader({
      stateDir: options.stateDir,
      log: this.log,
      tryRelease: (release) => {
        tell({ kind: 'try', release });
      },
      refuse: (refused) => {
        tell({ kind: 'refuse', refused });
      },
      changed: () => this.source?.tellUpgrade(),
    });
  }

  take(message: ToProcess): void {
    switch (message.kind) {
      case 'task':
        void this.answer(message.id, message.task);
        break;
      case 'flows':
        this.agent?.relayFlows(message.records);
        break;
      case 'standing':
        this.upgrader.stand(message.standing);
        break;
    }
  }

  private async answer(id: number, task: Task): Promise<void> {
    try {
      this.tell({ kind: 'done', id, handedOver: await this.perform(task) });
    } catch (error) {
      this.tell({ kind: 'done', id, error: messageOf(error) });
    }
  }

  private async perform(task: Task): Promise<HandedOverAgent | undefined> {
    if (task.type === 'start') {
      await this.start(task.half, task.predecessor);
      return undefined;
    }
    const { agent } = this;
    if (agent === undefined) throw new AgentError('the agent has not been started');
    switch (task.type) {
      case 'hand-over':
        return agent.handOver();
      case 'release':
        await agent.release();
        return undefined;
      case 'take-over':
        await agent.takeOver();
        await until(() => agent.connected);
        return undefined;
      case 'step-back':
        await agent.stopRedirecting();
        return undefined;
      case 'take-back':
        await agent.takeBack();
        return undefined;
      case 'retire':
        await this.retire(agent, task.drainSeconds);
        return undefined;
      case 'predecessor-ended':
        await agent.predecessorEnded();
        return undefined;
      default:
        throw new AgentError('this version does not know the task');
    }
  }

  private async start(half: 0 | 1, predecessor: HandedOverAgent | undefined): Promise<void> {
    const source = await this.openSource();
    const reopenSource = () => this.openSource();
    const agent = await Agent.start({
      ...this.options,
      source,
      // Without steering no port can be shared, so this is the only process: its versions are changed by hand.
      ...(features.steering ? { handover: { half, predecessor, reopenSource } } : {}),
    });
    this.agent = agent;
    agent.failed.catch((error: unknown) => {
      this.fail(new AgentError(`the data plane has failed: ${messageOf(error)}`));
    });
    if (predecessor !== undefined) await until(() => agent.hasTunnelsOfPredecessor && agent.rehearsed);
  }

  private async openSource(): Promise<EnrolledStateSource> {
    const source = await EnrolledStateSource.open({
      stateDir: this.options.stateDir,
      log: this.log,
      flowRecorder: this.flowRecorder,
      onFlowsAfterClose: (records) => {
        this.tell({ kind: 'flows', records });
      },
      ...(features.steering
        ? {
            onState: ({ agentRelease }) => {
              this.upgrader.want(agentRelease);
            },
            upgrade: () => this.upgrader.report,
          }
        : {}),
    });
    this.source = source;
    return source;
  }

  /** Ends the process when its connections have, or after so long. */
  private async retire(agent: Agent, drainSeconds: number): Promise<void> {
    this.upgrader.stop();
    await agent.stopListening();
    const deadlineMs = Date.now() + drainSeconds * 1000;
    await sleep(SNAPSHOT_AGE_MS);
    await until(() => agent.activeFlows === 0 || Date.now() >= deadlineMs);
    this.end(
      agent.activeFlows === 0
        ? 'its connections have ended'
        : `${agent.activeFlows} connections did not end in time`,
    );
  }

  requestEnd(reason: string): void {
    this.end(reason);
  }

  async stop(): Promise<void> {
    this.upgrader.stop();
    await this.agent?.stop();
  }
}

/** Runs until the supervisor asks for the end, or is no more. @throws AgentError when the data plane has failed */
export async function runManagedAgent(options: ManagedOptions): Promise<void> {
  if (process.send === undefined)
    throw new AgentError('this command is for the supervisor: run "longhaul agent supervise"');
  const managed = new ManagedAgent(options, (message) => {
    if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
  });
  process.on('message', (message) => {
    managed.take(message as ToProcess);
  });
  process.on('disconnect', () => {
    managed.requestEnd('the supervisor is no more');
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => {
      managed.requestEnd(signal);
    });
  try {
    options.log.info({ reason: await managed.ending }, 'agent stops');
  } finally {
    await managed.stop();
  }
  if (process.connected) process.disconnect();
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(LOOK_MS);
}
