/** Joins class names; what is false or undefined falls away. */
export const classes = (...names: (string | false | undefined)[]): string => names.filter(Boolean).join(' ');

/** What a colour says: green is well, amber needs a look, red is broken, grey is without judgement. */
export type Tone = 'good' | 'warn' | 'bad' | 'accent' | 'neutral';

export const toneText: Record<Tone, string> = {
  good: 'text-good',
  warn: 'text-warn',
  bad: 'text-bad',
  accent: 'text-accent',
  neutral: 'text-ink-3',
};

export const toneSoft: Record<Tone, string> = {
  good: 'bg-good-soft text-good',
  warn: 'bg-warn-soft text-warn',
  bad: 'bg-bad-soft text-bad',
  accent: 'bg-accent-soft text-accent',
  neutral: 'bg-sunken text-ink-2',
};
