import { holdingsOf } from '../simulator/holdings.js';
import { Pair } from '../simulator/pair.js';
import { linkNamed } from './links.js';

const SECOND_US = 1_000_000;
const LOSSY = { ...linkNamed('mpls-reorder'), loss_pct: 5 };

describe('a stream', () => {
  it.each([
    { up: 0, down: 0 },
    { up: 1, down: 0 },
    { up: 0, down: 1 },
    { up: 0, down: 200_000 },
    { up: 200_000, down: 0 },
  ])('of $up bytes up and $down bytes down ends at both sides', (script) => {
    const pair = new Pair({ link: LOSSY, seed: 50 }).connect();
    for (let i = 0; i < 20; i++) pair.near.converse(pair.b, script);
    expect(pair.finish()).toBe(true);
    expect(
      pair.near.conversations.every(({ resetCode, stopCode }) => (resetCode ?? stopCode) === undefined),
    ).toBe(true);
    expect(holdingsOf(pair.a, pair.b)).toEqual([]);
  });

  it('reaches the far side within half a round trip of its first write', () => {
    const pair = new Pair({ link: linkNamed('intercontinental'), faults: { loss: 0 } }).connect();
    pair.simulation.runFor(SECOND_US);
    pair.near.converse(pair.b, { up: 800, down: 0 });
    pair.simulation.runFor(76_000);
    expect(pair.far.bytesRead).toBe(800);
  });

  it('of a client that is silent is opened by flushOpen(), and the server may speak first', () => {
    const pair = new Pair({ link: linkNamed('mpls') }).connect();
    const conversation = pair.near.converse(pair.b, { up: 0, down: 300, endless: true });
    pair.simulation.runFor(SECOND_US / 10);
    expect(conversation).toMatchObject({ read: 300, ended: false, closed: false });
  });

  it('of which one direction has ended carries the other for as long as it likes', () => {
    const pair = new Pair({ link: linkNamed('mpls'), seed: 51 }).connect();
    pair.far.onAnswer = (answer) => {
      answer.paused = true;
    };
    const conversation = pair.near.converse(pair.b, { up: 50_000, down: 2_000_000 });
    pair.simulation.runFor(30 * SECOND_US);
    const [answer] = pair.far.conversations;
    expect(answer).toMatchObject({ ended: true, read: 50_000, closed: false });
    answer.resume();
    expect(pair.finish()).toBe(true);
    expect(conversation.read).toBe(2_000_000);
  });

  it('that its opener resets is reset at the far side, with the code, and the other way can go on', () => {
    const pair = new Pair({ link: LOSSY, seed: 52 }).connect();
    const conversation = pair.near.converse(pair.b, { up: 5_000_000, down: 500_000, endless: true });
    pair.simulation.runFor(SECOND_US / 3);
    conversation.stream.reset(77);
    pair.simulation.runFor(3 * SECOND_US);
    const [answer] = pair.far.conversations;
    expect(answer).toMatchObject({ resetCode: 77, closed: false });
    expect(conversation).toMatchObject({ read: 500_000, closed: false });
    answer.stream.finish();
    pair.simulation.runFor(SECOND_US);
    expect([answer.closed, conversation.closed]).toEqual([true, true]);
    expect(holdingsOf(pair.a, pair.b)).toEqual([]);
  });

  it('that its reader stops is reset by its writer', () => {
    const pair = new Pair({ link: LOSSY, seed: 53 }).connect();
    const conversation = pair.near.converse(pair.b, { up: 10, down: 5_000_000 });
    pair.simulation.runFor(SECOND_US / 3);
    conversation.stream.stopSending(88);
    pair.simulation.runFor(2 * SECOND_US);
    expect(pair.far.conversations[0]).toMatchObject({ stopCode: 88, closed: true });
    expect(conversation.closed).toBe(true);
    expect(holdingsOf(pair.a, pair.b)).toEqual([]);
  });

  it.each([
    { moment: 'before its open was sent', waitUs: 0 },
    { moment: 'while its open is under way', waitUs: 5000 },
    { moment: 'just as it is answered', waitUs: 25_000 },
    { moment: 'in the middle', waitUs: 200_000 },
  ])('that both sides reset at any time is over: $moment', ({ waitUs }) => {
    for (let seed = 60; seed < 70; seed++) {
      const pair = new Pair({ link: LOSSY, seed }).connect();
      const conversation = pair.near.converse(pair.b, { up: 5_000_000, down: 5_000_000 });
      pair.simulation.time.at(pair.simulation.time.nowUs + waitUs, () => {
        conversation.stream.reset(1);
        if (seed % 2 === 0) conversation.stream.stopSending(2);
        for (const answer of pair.far.conversations) {
          answer.stream.reset(3);
          if (seed % 3 === 0) answer.stream.stopSending(4);
        }
      });
      if (waitUs === 0) conversation.stream.reset(1);
      pair.simulation.runFor(waitUs + SECOND_US);
      conversation.stream.stopSending(5);
      for (const answer of pair.far.conversations) {
        answer.stream.reset(6);
        answer.stream.stopSending(7);
      }
      pair.simulation.runFor(3 * SECOND_US);
      expect(conversation.closed).toBe(true);
      expect(holdingsOf(pair.a, pair.b)).toEqual([]);
    }
  });

  it('that is over takes no more calls to heart', () => {
    const pair = new Pair({ link: linkNamed('mpls') }).connect();
    const { stream } = pair.near.converse(pair.b, { up: 10, down: 10 });
    expect(pair.finish()).toBe(true);
    expect(stream.write(new Uint8Array(100), 0, 100)).toBe(0);
    stream.finish();
    stream.flushOpen();
    stream.reset(1);
    stream.stopSending(1);
    stream.release(1);
    expect([stream.spanLength, stream.readableBytes, stream.writableBytes]).toEqual([0, 0, 0]);
    expect(holdingsOf(pair.a, pair.b)).toEqual([]);
  });
});
