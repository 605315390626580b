import { outagesOf, type WebRequest } from './outages.js';

/** A request every 50 ms from `fromMs` on, each answered after 5 ms. */
function steady(fromMs: number, toMs: number): WebRequest[] {
  const requests = [];
  for (let askedMs = fromMs; askedMs < toMs; askedMs += 50)
    requests.push({ askedMs, answeredMs: askedMs + 5 });
  return requests;
}

describe('outages', () => {
  it('are none where every request is answered', () => {
    const seen = outagesOf(steady(0, 2000), 0, 2000, 250);
    expect(seen).toEqual({ requests: 40, answers: 40, count: 0, longestMs: 0, longestGapMs: 50 });
  });

  it('are counted from the last answer before to the first after', () => {
    const lost = [{ askedMs: 1000 }, { askedMs: 1050 }];
    const requests = [...steady(0, 1000), ...lost, ...steady(1400, 2000), ...steady(2300, 3000)];
    const seen = outagesOf(requests, 0, 3000, 250);
    expect(seen).toMatchObject({ count: 2, longestMs: 450, longestGapMs: 450 });
  });

  it('end with the first answer, though an older request still waits', () => {
    const late = { askedMs: 1000, answeredMs: 2010 };
    const seen = outagesOf([...steady(0, 1000), late, ...steady(1300, 3000)], 0, 3000, 250);
    expect(seen).toMatchObject({ count: 1, longestMs: 350 });
  });

  it('last to the end of the watch if the answers do not come back', () => {
    const seen = outagesOf(steady(0, 1000), 0, 5000, 250);
    expect(seen).toMatchObject({ count: 1, longestMs: 4045 });
  });

  it('are not looked for before the watch', () => {
    const seen = outagesOf([...steady(0, 500), ...steady(2000, 3000)], 2000, 3000, 250);
    expect(seen).toMatchObject({ requests: 20, answers: 20, count: 0 });
  });
});
