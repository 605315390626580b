import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { DataPlane, Handover, rehearse, type DataPlaneOptions, type PreparedState } from '@longhaul/edge';
import { messageOf } from '../errors.js';
import {
  MAX_ACTIVE_FLOWS,
  SNAPSHOT_INTERVAL_MS,
  type HandedOver,
  type HandoverPlace,
  type WorkerAnswer,
  type WorkerMessage,
  type WorkerOptions,
  type WorkerRequest,
  type WorkerShard,
} from './messages.js';

/** The data plane's thread: nothing else runs here. */

/** Between what is normal (0) and the kernel's own threads (-20). */
const DATA_PLANE_NICE = -10;

/**
 * A busy machine wakes this thread first: a pacer that is woken late cannot keep its rate. On Linux priorities are of
 * threads. Without CAP_SYS_NICE it stays as it is.
 */
function raisePriority(): void {
  try {
    setPriority(DATA_PLANE_NICE);
  } catch {
    // Works all the same, only less evenly.
  }
}

raisePriority();
/** On a machine so slow or so busy that it is not done by then, the first transfer is better served without. */
const REHEARSAL_DEADLINE_MS = 4000;

const port = parentPort;
if (port === null) throw new Error('this file is the entry of a worker thread');

const tell = (message: WorkerMessage): void => {
  port.postMessage(message);
};

const { memoryBytes, shard, handover } = workerData as WorkerOptions;
const plane = new DataPlane(
  { memoryBytes, shard: shard && shardOptions(shard), handover: handover && handoverOf(handover) },
  {
    tunnelUp: (peerId) => {
      tell({ type: 'tunnel-up', peerId });
    },
    tunnelDown: (peerId, reason) => {
      tell({ type: 'tunnel-down', peerId, reason });
    },
  },
);
for (const other of shard?.ports ?? []) {
  other?.on('message', ({ datagram, record }: HandedOver) => {
    plane.takeOver(datagram, record);
  });
}

function shardOptions({ index, count, ports }: WorkerShard): NonNullable<DataPlaneOptions['shard']> {
  return {
    index,
    count,
    handOver: (to, datagram, record) => {
      const handedOver: HandedOver = { datagram, record };
      ports[to]?.postMessage(handedOver);
    },
  };
}

function handoverOf({ half, workersBefore }: HandoverPlace): Handover {
  return new Handover(half, workersBefore === undefined ? undefined : { workers: workersBefore });
}

function tellSnapshot(): void {
  const snapshot = {
    statistics: plane.statistics(),
    endedFlows: plane.takeEndedFlows(),
    activeFlows: plane.activeFlows(MAX_ACTIVE_FLOWS),
  };
  tell({ type: 'snapshot', snapshot });
}

const snapshots = setInterval(tellSnapshot, SNAPSHOT_INTERVAL_MS);

rehearse(REHEARSAL_DEADLINE_MS)
  .catch(() => undefined)
  .finally(() => {
    tell({ type: 'rehearsed' });
  });

/** Waits to be committed or rolled back. */
let prepared: PreparedState | undefined;

function act(request: WorkerRequest): WorkerAnswer {
  switch (request.type) {
    case 'prepare': {
      prepared = plane.prepare(request.state, request.placement);
      const { tunnelPort, interceptionPort } = prepared;
      return { ports: { tunnelPort, interceptionPort } };
    }
    case 'commit':
      prepared?.commit();
      prepared = undefined;
      return {};
    case 'rollback':
      prepared?.rollback();
      prepared = undefined;
      return {};
    case 'handover': {
      if (request.step === 'handOver') return { tunnels: plane.handOver() };
      plane[request.step]();
      return {};
    }
    case 'close':
      clearInterval(snapshots);
      plane.close();
      tellSnapshot();
      for (const other of shard?.ports ?? []) other?.close();
      return {};
  }
}

port.on('message', (request: WorkerRequest) => {
  const { id } = request;
  try {
    tell({ type: 'outcome', id, ...act(request) });
  } catch (error) {
    tell({ type: 'outcome', id, error: messageOf(error) });
  }
});
