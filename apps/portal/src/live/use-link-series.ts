import { useEffect, useMemo, useState } from 'react';
import { useQuery } from 'urql';
import { LinkSeriesQuery } from '../fleet/fleet.documents.js';
import { fromHistory, fromLive, mergeSeries, type SeriesPoint } from './series.js';
import { useFeed } from './use-feed.js';

/** Live points kept for one link: an hour at one a second. */
const LIVE_POINTS = 3600;
const MINUTE_MS = 60_000;

interface LinkSeries {
  points: SeriesPoint[];
  loading: boolean;
  error: string | undefined;
}

/** Points that arrived live since the link was chosen. */
function useLivePoints(linkId: string, agentId: string): SeriesPoint[] {
  const { frame } = useFeed();
  const [points, setPoints] = useState<SeriesPoint[]>([]);
  useEffect(() => {
    setPoints([]);
  }, [linkId, agentId]);
  useEffect(() => {
    const link = frame?.links.find((each) => each.linkId === linkId && each.agentId === agentId);
    if (link) setPoints((before) => [...before.slice(1 - LIVE_POINTS), fromLive(link)]);
  }, [frame, linkId, agentId]);
  return points;
}

/** One link as one agent sees it over the last `minutes`: stored history, carried on by the live feed. */
export function useLinkSeries(linkId: string, agentId: string, minutes: number): LinkSeries {
  const { status } = useFeed();
  const [{ data, fetching, error }, refetch] = useQuery({
    query: LinkSeriesQuery,
    variables: { linkId, agentId, minutes },
    requestPolicy: 'cache-and-network',
  });
  // What was missed while the feed was lost comes from the store once it is back.
  useEffect(() => {
    if (status === 'live') refetch({ requestPolicy: 'network-only' });
  }, [status, refetch]);
  const live = useLivePoints(linkId, agentId);
  const points = useMemo(() => {
    const stored = data?.linkSeries.map(fromHistory) ?? [];
    return mergeSeries(stored, live, Date.now() - minutes * MINUTE_MS);
  }, [data, live, minutes]);
  return { points, loading: fetching && data === undefined, error: error?.message };
}
