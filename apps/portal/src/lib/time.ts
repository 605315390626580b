import { useEffect, useState } from 'react';
import { type Quantity, significant } from './format.js';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const STEPS: readonly [limitMs: number, unitMs: number, unit: string][] = [
  [MINUTE, SECOND, 's'],
  [HOUR, MINUTE, 'min'],
  [2 * DAY, HOUR, 'h'],
  [Infinity, DAY, 'days'],
];

/** A length of time given in milliseconds, in its largest whole unit: "42 s", "3 min", "5 h", "12 days". */
export function duration(ms: number): string {
  const length = Math.max(0, ms);
  const [, unitMs, unit] = STEPS.find(([limitMs]) => length < limitMs) ?? [0, DAY, 'days'];
  return `${String(Math.floor(length / unitMs))}\u00a0${unit}`;
}

/** A length of time given in seconds, with three digits in its largest unit: 8.25 min, 3.40 days. */
export function longDuration(seconds: number): Quantity {
  const ms = Math.max(0, seconds) * SECOND;
  const [, unitMs, unit] = STEPS.find(([limitMs]) => ms < limitMs) ?? [0, DAY, 'days'];
  return { value: significant(ms / unitMs), unit };
}

/** "3 min ago", or "in 3 min" for a time to come. */
export function relative(at: Date, nowMs: number): string {
  const distance = nowMs - at.getTime();
  if (Math.abs(distance) < 2 * SECOND) return 'just now';
  return distance > 0 ? `${duration(distance)} ago` : `in ${duration(-distance)}`;
}

/** "3 min ago" for what cannot lie ahead, whatever the clocks of controller and computer say. */
export const ago = (at: Date, nowMs: number): string => relative(at, Math.max(nowMs, at.getTime()));

const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
});
const CALENDAR = new Intl.DateTimeFormat(undefined, {
  year: 'numeric',
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  hour12: false,
});

const DAY_OF_MONTH = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' });

/** Day and month in the viewer's zone. */
export const calendarDay = (at: Date): string => DAY_OF_MONTH.format(at);

/** Hours, minutes and seconds in the viewer's zone. */
export const clockTime = (at: Date): string => CLOCK.format(at);

/** Date and time in the viewer's zone. */
export const calendarTime = (at: Date): string => CALENDAR.format(at);

/** The time now, in Unix milliseconds; renders again every `everyMs`. */
export function useNow(everyMs = SECOND): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = window.setInterval(() => {
      setNow(Date.now());
    }, everyMs);
    return () => {
      window.clearInterval(timer);
    };
  }, [everyMs]);
  return now;
}
