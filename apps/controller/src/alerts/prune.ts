import type { WorkerDatabase } from '../database/worker-database.js';

const DAY_MS = 24 * 3600 * 1000;
/** Alerts that are over, and deliveries, are kept for so many days. */
export const ALERT_HISTORY_DAYS = 90;
export const DELIVERY_HISTORY_DAYS = 30;
/** Longer than refusals are counted over. */
const REFUSALS_DAYS = 1;

/** Takes away what is too old to be asked for. */
export const pruneHistory = async ({ prisma }: WorkerDatabase, nowMs = Date.now()): Promise<void> => {
  const before = (days: number): { lt: Date } => ({ lt: new Date(nowMs - days * DAY_MS) });
  await prisma.alert.deleteMany({ where: { resolvedAt: before(ALERT_HISTORY_DAYS) } });
  await prisma.delivery.deleteMany({
    where: { createdAt: before(DELIVERY_HISTORY_DAYS), state: { not: 'PENDING' } },
  });
  await prisma.enrollmentRefusal.deleteMany({ where: { minute: before(REFUSALS_DAYS) } });
};
