import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type FeedSocket, LiveFeed, RECENT_FRAMES, SILENT_AFTER_MS } from './feed.js';

/** The other end of a socket, for the test to speak from. */
class Far implements FeedSocket {
  onmessage: FeedSocket['onmessage'] = null;
  onclose: FeedSocket['onclose'] = null;
  onerror: FeedSocket['onerror'] = null;
  closed = false;

  close(): void {
    this.closed = true;
  }

  sendFrame(atMs = Date.now()): void {
    const link = { linkId: 'l', agentId: 'a', sentMbps: atMs };
    this.onmessage?.({ data: JSON.stringify({ type: 'frame', atMs, agents: [], links: [link], flows: [] }) });
  }
}

describe('the live feed', () => {
  let opened: Far[];
  let feed: LiveFeed;

  beforeEach(() => {
    vi.useFakeTimers();
    opened = [];
    feed = new LiveFeed(() => {
      const far = new Far();
      opened.push(far);
      return far;
    });
    feed.start();
  });

  afterEach(() => {
    feed.stop();
    vi.useRealTimers();
  });

  const newest = (): Far => {
    const far = opened.at(-1);
    if (far === undefined) throw new Error('no socket was opened');
    return far;
  };

  it('is live as long as a frame comes every second', () => {
    for (let second = 0; second < 10; second += 1) {
      newest().sendFrame();
      vi.advanceTimersByTime(1000);
      expect(feed.snapshot().status).toBe('live');
    }
    expect(opened).toHaveLength(1);
  });

  it('is stale within 3 s of the last frame, keeps that frame, and tells its listeners', () => {
    newest().sendFrame(42);
    const heard: string[] = [];
    feed.subscribe(() => heard.push(feed.snapshot().status));
    vi.advanceTimersByTime(3000);
    expect(feed.snapshot()).toMatchObject({ status: 'stale', frame: { atMs: 42 } });
    expect(heard).toEqual(['stale']);
  });

  it('is stale within 3 s when no frame ever comes', () => {
    vi.advanceTimersByTime(3000);
    expect(feed.snapshot()).toMatchObject({ status: 'stale', frame: undefined });
  });

  it('connects again after a loss, and is live with the first frame', () => {
    newest().sendFrame();
    newest().onclose?.();
    vi.advanceTimersByTime(600);
    expect(opened).toHaveLength(2);
    newest().sendFrame();
    expect(feed.snapshot().status).toBe('live');
  });

  it('tries ever more slowly, but at least every 5 s', () => {
    for (let attempt = 0; attempt < 6; attempt += 1) {
      newest().onclose?.();
      vi.advanceTimersByTime(5000);
      expect(opened).toHaveLength(attempt + 2);
    }
    newest().onclose?.();
    vi.advanceTimersByTime(4500);
    expect(opened).toHaveLength(7);
  });

  it('replaces a socket that is open but silent, once per silence', () => {
    newest().sendFrame();
    vi.advanceTimersByTime(SILENT_AFTER_MS + 1000);
    expect(opened).toHaveLength(2);
    expect(opened[0]?.closed).toBe(true);
    vi.advanceTimersByTime(SILENT_AFTER_MS - 2000);
    expect(opened).toHaveLength(2);
  });

  it('ignores what is no frame, and a socket that it has given up', () => {
    const first = newest();
    const late = first.onmessage;
    first.onmessage?.({ data: 'not JSON' });
    first.onmessage?.({ data: '{"type":"later"}' });
    expect(feed.snapshot().frame).toBeUndefined();
    first.onclose?.();
    vi.advanceTimersByTime(600);
    late?.({ data: JSON.stringify({ type: 'frame', atMs: 1, agents: [], links: [], flows: [] }) });
    expect(feed.snapshot().frame).toBeUndefined();
  });

  it('remembers the last minute of a link, and no more', () => {
    for (let second = 0; second < RECENT_FRAMES + 5; second += 1) newest().sendFrame(second);
    const recent = feed.recentLink('l', 'a');
    expect(recent).toHaveLength(RECENT_FRAMES);
    expect(recent[0]?.sentMbps).toBe(5);
    expect(feed.recentLink('l', 'another')).toEqual([]);
  });

  it('opens nothing after it was stopped', () => {
    newest().onclose?.();
    feed.stop();
    vi.advanceTimersByTime(60_000);
    expect(opened).toHaveLength(1);
  });
});
