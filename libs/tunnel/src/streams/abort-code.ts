/** Why the owner of a stream sees it reset without its far side's doing. Codes of its own begin at 16. */
export const StreamAbortCode = {
  /** The tunnel was lost: the peer restarted, or was silent for too long. */
  tunnelLost: 1,
  /** The peer has no memory for another stream. */
  noMemory: 2,
} as const;
