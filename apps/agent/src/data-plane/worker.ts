import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { DataPlane, rehearse } from '@longhaul/edge';
import { messageOf } from '../errors.js';
import {
  MAX_ACTIVE_FLOWS,
  SNAPSHOT_INTERVAL_MS,
  type WorkerMessage,
  type WorkerOptions,
  type WorkerRequest,
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

const { memoryBytes, tableName } = workerData as WorkerOptions;
const plane = new DataPlane(
  { memoryBytes, tableName },
  {
    tunnelUp: (peerId) => {
      tell({ type: 'tunnel-up', peerId });
    },
    tunnelDown: (peerId, reason) => {
      tell({ type: 'tunnel-down', peerId, reason });
    },
    interceptionLost: (reason) => {
      tell({ type: 'interception-lost', reason });
    },
  },
);

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

async function act(request: WorkerRequest): Promise<void> {
  if (request.type === 'apply') {
    await plane.apply(request.state);
    return;
  }
  clearInterval(snapshots);
  await plane.close();
  tellSnapshot();
}

port.on('message', (request: WorkerRequest) => {
  act(request).then(
    () => {
      tell({ type: 'outcome', id: request.id, error: undefined });
    },
    (error: unknown) => {
      tell({ type: 'outcome', id: request.id, error: messageOf(error) });
    },
  );
});
