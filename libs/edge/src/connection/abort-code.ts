import { StreamAbortCode } from '@longhaul/tunnel';
import type { FlowEnd } from './flow.js';

/** Why one agent aborts a stream, as the other sees it. Codes below 16 are the tunnel's own. */
export const AbortCode = {
  /** The TCP connection at the aborting side was reset. */
  connectionReset: 16,
  /** The destination refused the connection. */
  refused: 17,
  /** No way to the destination, or no answer from it. */
  unreachable: 18,
  /** The far agent's own state does not allow this open. */
  notAllowed: 19,
  /** The open could not be read. */
  malformedOpen: 20,
  /** The blocks inside the stream do not hold together. */
  malformedBlocks: 21,
  /** The far agent has no file descriptor or memory left. */
  exhausted: 22,
  /** The agent stops. */
  agentStopped: 23,
} as const;

export type AbortCode = (typeof AbortCode)[keyof typeof AbortCode];

/** How a flow ended, for its record. */
export interface Ending {
  readonly ended: FlowEnd;
  /** For people. */
  readonly reason: string | null;
}

const ENDINGS = new Map<number, Ending>([
  [StreamAbortCode.tunnelLost, { ended: 'reset', reason: 'the tunnel to the peer was lost' }],
  [
    StreamAbortCode.noMemory,
    { ended: 'reset', reason: 'the far agent has no memory for another connection' },
  ],
  [AbortCode.connectionReset, { ended: 'reset', reason: 'the far side reset the connection' }],
  [AbortCode.refused, { ended: 'refused', reason: 'the destination refused the connection' }],
  [AbortCode.unreachable, { ended: 'unreachable', reason: 'the far agent cannot reach the destination' }],
  [AbortCode.notAllowed, { ended: 'denied', reason: 'the far agent does not allow this destination' }],
  [AbortCode.malformedOpen, { ended: 'reset', reason: 'the far agent could not read the open: update it' }],
  [AbortCode.malformedBlocks, { ended: 'reset', reason: 'the far agent read malformed blocks' }],
  [AbortCode.exhausted, { ended: 'reset', reason: 'the far agent is out of descriptors or memory' }],
  [AbortCode.agentStopped, { ended: 'agent-stopped', reason: 'the far agent was stopped' }],
]);

/** What an abort by the peer means. */
export function endingOfPeerAbort(code: number): Ending {
  return (
    ENDINGS.get(code) ?? { ended: 'reset', reason: `the far agent aborted with the unknown code ${code}` }
  );
}

/** What the failure of our own connect means: for the peer, and for our record. */
export function abortOfConnectError(error: string): { code: AbortCode; ending: Ending } {
  switch (error) {
    case 'ECONNREFUSED':
      return {
        code: AbortCode.refused,
        ending: { ended: 'refused', reason: 'the destination refused the connection' },
      };
    case 'EMFILE':
    case 'ENFILE':
    case 'ENOBUFS':
    case 'ENOMEM':
      return { code: AbortCode.exhausted, ending: { ended: 'reset', reason: `cannot connect: ${error}` } };
    default:
      return {
        code: AbortCode.unreachable,
        ending: { ended: 'unreachable', reason: `the destination cannot be reached: ${error}` },
      };
  }
}
