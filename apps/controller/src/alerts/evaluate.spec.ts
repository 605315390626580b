import {
  evaluate,
  MAX_GAP_MS,
  NO_DATA_RESOLVES_MS,
  type Condition,
  type Seen,
  type Step,
  type Terms,
} from './evaluate.js';

const origin = new Date('2026-01-01T00:00:00Z');
const at = (seconds: number): Date => new Date(origin.getTime() + seconds * 1000);

/** Loses 2 % for a minute; resolved at 1 % for two minutes. */
const terms: Terms = { threshold: 2, clearThreshold: 1, forSeconds: 60, clearForSeconds: 120 };
const PASS_S = 5;

/** What is remembered of one subject over many passes, and the steps that were more than remembering. */
class Subject {
  condition: Condition | undefined;
  readonly log: string[] = [];
  private previousPass: Date | null = at(-PASS_S);

  constructor(private readonly of: Terms = terms) {}

  /** A pass at `seconds`. */
  see(seconds: number, seen: Seen | undefined): Step {
    const now = at(seconds);
    const before = this.condition;
    const step = evaluate(this.of, before, seen, { now, previousPass: this.previousPass });
    this.previousPass = now;
    if (step.kind === 'begin' || step.kind === 'change') this.condition = step.condition;
    if (step.kind === 'drop' || step.kind === 'resolve') this.condition = undefined;
    const { condition } = this;
    if (condition?.state === 'FIRING' && before?.state !== 'FIRING')
      this.log.push(`fires at ${String(seconds)}`);
    if (step.kind === 'resolve') this.log.push(`${step.resolution} at ${String(seconds)}`);
    if (step.kind === 'drop') this.log.push(`dropped at ${String(seconds)}`);
    return step;
  }

  /** Passes from one time until before another. */
  during(from: number, until: number, value: number | null): this {
    for (let seconds = from; seconds < until; seconds += PASS_S) this.see(seconds, { value });
    return this;
  }
}

test('what does not hold is not remembered', () => {
  const subject = new Subject().during(0, 600, 1.99);
  expect(subject.condition).toBeUndefined();
  expect(subject.log).toEqual([]);
});

test('it fires when it has held for the whole time, and not before', () => {
  const subject = new Subject().during(0, 60, 2);
  expect(subject.condition?.state).toBe('PENDING');
  subject.see(60, { value: 2 });
  expect(subject.condition).toMatchObject({ state: 'FIRING', pendingSince: at(0), firingSince: at(60) });
});

test('with no time to wait it fires in the pass that sees it, and is resolved in the one that does not', () => {
  const subject = new Subject({ ...terms, forSeconds: 0, clearForSeconds: 0 });
  const step = subject.see(0, { value: 5 });
  expect(step).toMatchObject({ kind: 'begin', condition: { state: 'FIRING', firingSince: at(0) } });
  expect(subject.see(5, { value: 0 })).toEqual({ kind: 'resolve', resolution: 'CLEARED' });
});

describe('hysteresis', () => {
  test('the threshold itself holds, and so does not what is below it', () => {
    expect(new Subject().see(0, { value: 2 }).kind).toBe('begin');
    expect(new Subject().see(0, { value: 1.999 }).kind).toBe('none');
  });

  test('before it fires, below the threshold is away: it begins anew', () => {
    const subject = new Subject().during(0, 55, 3);
    subject.see(55, { value: 1.5 });
    subject.during(60, 120, 3);
    expect(subject.log).toEqual(['dropped at 55']);
    subject.see(120, { value: 3 });
    expect(subject.log).toEqual(['dropped at 55', 'fires at 120']);
  });

  test('while it fires, between the thresholds is neither here nor away', () => {
    const subject = new Subject().during(0, 65, 3).during(65, 3600, 1.5);
    expect(subject.log).toEqual(['fires at 60']);
    expect(subject.condition).toMatchObject({ state: 'FIRING', clearingSince: null });
  });

  test('the lower threshold itself is away, and resolves after its time', () => {
    const subject = new Subject().during(0, 65, 3).during(65, 185, 1);
    expect(subject.condition).toMatchObject({ state: 'FIRING', clearingSince: at(65) });
    subject.see(185, { value: 1 });
    expect(subject.log).toEqual(['fires at 60', 'CLEARED at 185']);
  });

  test('with both thresholds at one value it is away below it', () => {
    const subject = new Subject({ ...terms, clearThreshold: 2 }).during(0, 65, 2);
    subject.see(65, { value: 2 });
    expect(subject.condition?.clearingSince).toBeNull();
    subject.see(70, { value: 1.99 });
    expect(subject.condition?.clearingSince).toEqual(at(70));
  });

  test('what comes back while it clears has to be away for the whole time again', () => {
    const subject = new Subject().during(0, 65, 3).during(65, 180, 0);
    subject.see(180, { value: 1.5 });
    subject.during(185, 305, 0);
    expect(subject.log).toEqual(['fires at 60']);
    subject.see(305, { value: 0 });
    expect(subject.log).toEqual(['fires at 60', 'CLEARED at 305']);
  });
});

test('what flaps faster than it has to hold never fires', () => {
  const subject = new Subject();
  for (let from = 0; from < 3600; from += 60)
    subject.during(from, from + 30, 5).during(from + 30, from + 60, 0);
  expect(subject.log.some((line) => line.startsWith('fires'))).toBe(false);
});

test('what flaps while it fires is one alert', () => {
  const subject = new Subject().during(0, 65, 5);
  for (let from = 65; from < 3600; from += 60)
    subject.during(from, from + 30, 0).during(from + 30, from + 60, 5);
  expect(subject.log).toEqual(['fires at 60']);
});

describe('missing data', () => {
  test('begins nothing', () => {
    expect(new Subject().see(0, { value: null })).toEqual({ kind: 'none' });
  });

  test('is put up with for a moment while it is pending, but nothing fires in it', () => {
    const subject = new Subject().during(0, 40, 3).during(40, 100, null);
    expect(subject.condition).toMatchObject({ state: 'PENDING', missingSince: at(40) });
    subject.see(100, { value: 3 });
    expect(subject.log).toEqual(['fires at 100']);
    expect(subject.condition?.missingSince).toBeNull();
  });

  test('has what is pending forgotten after a while', () => {
    const subject = new Subject().during(0, 40, 3).during(40, 120, null);
    expect(subject.log).toEqual([`dropped at ${String(40 + MAX_GAP_MS / 1000 + PASS_S)}`]);
  });

  test('clears nothing, however long it was away before', () => {
    const subject = new Subject().during(0, 65, 3).during(65, 180, 0).during(180, 200, null);
    expect(subject.condition).toMatchObject({ state: 'FIRING', clearingSince: null });
    subject.during(200, 320, 0);
    expect(subject.log).toEqual(['fires at 60']);
    subject.see(320, { value: 0 });
    expect(subject.log).toEqual(['fires at 60', 'CLEARED at 320']);
  });

  test('ends what fires after an hour', () => {
    const end = 65 + NO_DATA_RESOLVES_MS / 1000;
    const subject = new Subject().during(0, 65, 3).during(65, end, null);
    expect(subject.log).toEqual(['fires at 60']);
    subject.see(end, { value: null });
    expect(subject.log).toEqual(['fires at 60', `NO_DATA at ${String(end)}`]);
  });
});

describe('a break between passes', () => {
  test('that is short changes nothing: another replica has taken over', () => {
    const subject = new Subject().during(0, 20, 3);
    subject.see(15 + MAX_GAP_MS / 1000, { value: 3 });
    expect(subject.log).toEqual(['fires at 75']);
  });

  test('that is long proves nothing of the time between: what was pending counts anew', () => {
    const subject = new Subject().during(0, 20, 3);
    subject.see(3600, { value: 3 });
    expect(subject.condition).toMatchObject({ state: 'PENDING', pendingSince: at(3600) });
    subject.during(3605, 3665, 3);
    expect(subject.log).toEqual(['fires at 3660']);
  });

  test('that is long has what clears count anew, and leaves what fires', () => {
    const subject = new Subject().during(0, 65, 3).during(65, 100, 0);
    subject.see(3600, { value: 0 });
    expect(subject.condition).toMatchObject({
      state: 'FIRING',
      firingSince: at(60),
      clearingSince: at(3600),
    });
    subject.during(3605, 3725, 0);
    expect(subject.log).toEqual(['fires at 60', 'CLEARED at 3720']);
  });

  test('that is long is no missing data', () => {
    const subject = new Subject().during(0, 65, 3).during(65, 100, null);
    subject.see(9000, { value: null });
    expect(subject.condition).toMatchObject({ state: 'FIRING', missingSince: at(9000) });
  });

  test('before the first pass of all counts as long', () => {
    const condition: Condition = {
      state: 'PENDING',
      value: 3,
      pendingSince: at(0),
      firingSince: null,
      clearingSince: null,
      missingSince: null,
    };
    const step = evaluate(terms, condition, { value: 3 }, { now: at(600), previousPass: null });
    expect(step).toMatchObject({ kind: 'change', condition: { state: 'PENDING', pendingSince: at(600) } });
  });
});

test('what is gone is forgotten before it fires, and resolved afterwards', () => {
  const pending = new Subject().during(0, 20, 3);
  expect(pending.see(20, undefined)).toEqual({ kind: 'drop' });
  const firing = new Subject().during(0, 65, 3);
  expect(firing.see(65, undefined)).toEqual({ kind: 'resolve', resolution: 'GONE' });
  expect(new Subject().see(0, undefined)).toEqual({ kind: 'none' });
});

test('a pass in which nothing happens writes nothing down', () => {
  const subject = new Subject().during(0, 65, 3);
  expect(subject.see(65, { value: 3.1 })).toEqual({ kind: 'none' });
  expect(subject.see(70, { value: 4 })).toMatchObject({ kind: 'change', condition: { value: 4 } });
});

test('a rule that is made stricter or laxer is followed from the next pass on', () => {
  const condition = new Subject().during(0, 30, 3).condition;
  const clock = { now: at(30), previousPass: at(25) };
  expect(evaluate({ ...terms, forSeconds: 30 }, condition, { value: 3 }, clock)).toMatchObject({
    condition: { state: 'FIRING' },
  });
  expect(evaluate({ ...terms, threshold: 4 }, condition, { value: 3 }, clock)).toEqual({ kind: 'drop' });
});
