/** What rows of the outbox ask for; the subject of each is an agent, but of `changed`. */
export const OUTBOX_TOPICS = {
  /** Something that clients may watch was changed; `payload.kind` is one of the kinds of a change. */
  changed: 'changed',
  /** Its desired state has a new generation. */
  desiredState: 'desired-state',
  /** It was approved: its credential may now do more. */
  approved: 'agent-approved',
  /** It was revoked: its credential and its desired state have to go. */
  revoked: 'agent-revoked',
  /** It changed its keys: the credential of the old one has to go. */
  keysRetired: 'agent-keys-retired',
  /** Two processes work with its identity: both have to be told. */
  cloned: 'agent-cloned',
} as const;
