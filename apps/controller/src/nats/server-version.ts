import type { NatsConnection } from '@nats-io/transport-node';

/** The first release with the fixes of JetStream's access checks that many agents on one account rely on. */
const OLDEST = [2, 10, 27] as const;

const isAtLeast = (version: string, oldest: readonly number[]): boolean => {
  const parts = version.split(/[.-]/).slice(0, oldest.length).map(Number);
  for (const [index, wanted] of oldest.entries()) {
    const part = parts[index] ?? 0;
    if (part !== wanted) return part > wanted;
  }
  return true;
};

/** @throws Error if the server is too old and that is not allowed */
export const assertServerIsRecent = (connection: NatsConnection, allowOld: boolean): void => {
  const version = connection.info?.version ?? '0';
  if (allowOld || isAtLeast(version, OLDEST)) return;
  throw new Error(
    `nats-server ${version} is older than ${OLDEST.join('.')}, which fixed JetStream's access checks: upgrade it, or set LONGHAUL_NATS_ALLOW_OLD=true for a trial.`,
  );
};
