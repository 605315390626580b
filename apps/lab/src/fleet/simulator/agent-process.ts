/** A process of its own that holds many simulated agents; its parent speaks to it in {@link AgentRequest}s. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentCredentialMessage, AgentReport, AgentRequest, LoadRequest } from './agent-messages.js';
import type { FlowLoad } from './flow-load.js';
import { LightAgent } from './light-agent.js';

/** Agents that dial at once: a fleet that comes back does so over seconds, too. */
const DIALS_AT_ONCE = 32;
const CONNECTED_POLL_MS = 20;
/** How often outcomes are looked for; each carries its own time. */
const OUTCOMES_INTERVAL_MS = 500;
const REPORT_INTERVAL_MS = 250;
/** Agents report in so many groups, one after the other within a second: not all at its beginning. */
const GROUPS = 20;
const GROUP_INTERVAL_MS = 1000 / GROUPS;

let agents: LightAgent[] = [];

const tell = (report: AgentReport): void => {
  process.send?.(report);
};

async function connectAll(credentials: readonly AgentCredentialMessage[]): Promise<void> {
  const byNumber = new Map(credentials.map((credential) => [credential.number, credential]));
  const queue = agents.values();
  const dial = async (): Promise<void> => {
    for (const agent of queue) {
      const credential = byNumber.get(agent.seat.number);
      if (credential === undefined) throw new Error(`agent ${String(agent.seat.number)} has no credential`);
      await agent.start(credential);
      while (!agent.connected) await sleep(CONNECTED_POLL_MS);
    }
  };
  setInterval(tellConnected, REPORT_INTERVAL_MS);
  setInterval(tellOutcomes, OUTCOMES_INTERVAL_MS);
  await Promise.all(Array.from({ length: DIALS_AT_ONCE }, dial));
}

function tellConnected(): void {
  tell({ kind: 'connected', connected: agents.filter(({ connected }) => connected).length });
}

function tellOutcomes(): void {
  const outcomes = agents.flatMap((agent) => agent.takeOutcome() ?? []);
  if (outcomes.length > 0) tell({ kind: 'outcomes', outcomes });
}

/** Every agent reports `seconds` times, however late the process is: what is asked for is what is sent. */
async function carryLoad({ seconds, connections, peers }: LoadRequest): Promise<void> {
  const loads = agents.map((agent, place) => {
    const peer = peers[place];
    if (peer === undefined) throw new Error(`agent ${String(agent.seat.number)} has no peer`);
    return agent.beginLoad({
      seed: agent.seat.number,
      connections: connections[place] ?? 0,
      site: agent.seat.number,
      peerSite: peer.number,
      peerAgentId: peer.agentId,
    });
  });
  const report = setInterval(() => tellLoad(loads, false), REPORT_INTERVAL_MS);
  const beganAt = performance.now();
  for (let turn = 0; turn < seconds * GROUPS; turn += 1) {
    const wait = beganAt + turn * GROUP_INTERVAL_MS - performance.now();
    if (wait > 0) await sleep(wait);
    for (let place = turn % GROUPS; place < agents.length; place += GROUPS) {
      agents[place]?.reportSecond(Date.now());
    }
    // Late or not, what came in is to be read.
    if (wait <= 0) await sleep(0);
  }
  clearInterval(report);
  // What the uplinks have gathered is not to wait for the end of their intervals.
  for (const agent of agents) agent.closeBatches();
  setInterval(() => tellLoad(loads, true), REPORT_INTERVAL_MS);
}

function tellLoad(loads: readonly FlowLoad[], complete: boolean): void {
  const state = { records: 0, bytes: 0, waiting: 0, dropped: 0, complete };
  for (const { totals } of loads) {
    state.records += totals.records;
    state.bytes += totals.bytes;
  }
  for (const { telemetry } of agents) {
    state.waiting += telemetry.waiting;
    state.dropped += telemetry.dropped;
  }
  tell({ kind: 'load', state });
}

async function carryOut(request: AgentRequest): Promise<void> {
  switch (request.kind) {
    case 'make': {
      agents = request.seats.map((seat) => new LightAgent(seat, request.surroundings));
      const keys = [];
      for (const agent of agents) keys.push(await agent.makeKeys());
      tell({ kind: 'made', keys });
      return;
    }
    case 'connect':
      return connectAll(request.credentials);
    case 'load':
      return carryLoad(request);
  }
}

process.on('message', (request: AgentRequest) => {
  carryOut(request).catch((error: unknown) => {
    tell({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
  });
});
// Without its parent it is of no use, however that one ended.
process.on('disconnect', () => process.exit());
// Ctrl-C in a terminal reaches the whole group; the parent decides.
process.on('SIGINT', () => undefined);
