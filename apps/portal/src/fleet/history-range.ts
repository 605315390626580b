import { useEffect, useState } from 'react';

const MINUTE_MS = 60_000;

/** Ranges of the history that can be asked for. */
export const HISTORY_RANGES = {
  '1h': { label: '1 h', minutes: 60 },
  '24h': { label: '24 h', minutes: 24 * 60 },
  '7d': { label: '7 d', minutes: 7 * 24 * 60 },
  '30d': { label: '30 d', minutes: 30 * 24 * 60 },
} as const;
export type HistoryRange = keyof typeof HISTORY_RANGES;

/** Where a range that ends now begins: to the minute, so that it is one question for a minute. */
export const historyStart = (range: HistoryRange, nowMs: number): string =>
  new Date(
    Math.floor(nowMs / MINUTE_MS) * MINUTE_MS - HISTORY_RANGES[range].minutes * MINUTE_MS,
  ).toISOString();

/** {@link historyStart}, which moves on. */
export function useHistoryStart(range: HistoryRange): string {
  const [nowMs, setNowMs] = useState(() => Date.now());
  useEffect(() => {
    const timer = window.setInterval(() => {
      setNowMs(Date.now());
    }, MINUTE_MS);
    return () => {
      window.clearInterval(timer);
    };
  }, []);
  return historyStart(range, nowMs);
}
