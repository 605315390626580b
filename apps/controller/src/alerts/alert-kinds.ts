import type { AlertKind } from '../generated/prisma/enums.js';

/** Refusals of a token are counted over so many seconds. */
export const ABUSE_WINDOW_S = 600;
/** Connections that were not accelerated are counted over so many seconds. */
export const NO_ACCELERATION_WINDOW_S = 300;

/** Of a condition that holds or does not: its value is 1 or 0, and its thresholds are these. */
export const YES_OR_NO = { threshold: 1, clearThreshold: 0 } as const;

/** What a kind watches. */
export interface KindOfAlert {
  /** Whether it holds or does not, so that there is no threshold to choose. */
  readonly isYesOrNo: boolean;
  /** Of its values; empty for those that hold or do not. */
  readonly unit: string;
  /** Largest threshold that makes sense. */
  readonly maxThreshold: number;
  /** One sentence about a subject of that value. */
  readonly describe: (subject: string, value: number) => string;
}

const round = (value: number): string => String(Math.round(value * 10) / 10);

const yesOrNo = (describe: (subject: string) => string): KindOfAlert => ({
  isYesOrNo: true,
  unit: '',
  maxThreshold: 1,
  describe,
});

/** Every kind of alert, and what it measures. */
export const ALERT_KINDS: Readonly<Record<AlertKind, KindOfAlert>> = {
  AGENT_DOWN: yesOrNo((agent) => `${agent} is not connected to the controller.`),
  DRIFT: yesOrNo((agent) => `${agent} is connected and is not what it shall be.`),
  LINK_LOSS: {
    isYesOrNo: false,
    unit: '%',
    maxThreshold: 100,
    describe: (link, value) => `${link} loses ${round(value)} % of its packets.`,
  },
  LINK_RTT: {
    isYesOrNo: false,
    unit: 'ms',
    maxThreshold: 60_000,
    describe: (link, value) => `${link} has a round trip of ${round(value)} ms.`,
  },
  NO_ACCELERATION: {
    isYesOrNo: false,
    unit: 'connections in 5 minutes',
    maxThreshold: 1_000_000,
    describe: (agent, value) =>
      `${agent} did not accelerate ${round(value)} connections of the last 5 minutes that the policy has it accelerate.`,
  },
  TOKEN_ABUSE: {
    isYesOrNo: false,
    unit: 'refusals in 10 minutes',
    maxThreshold: 1_000_000,
    describe: (token, value) =>
      `${round(value)} ${value === 1 ? 'enrolment was' : 'enrolments were'} refused in the last 10 minutes: ${token}.`,
  },
};
