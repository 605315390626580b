import type { CombinedError } from '@urql/core';
import { useCallback, useEffect, useRef, useState } from 'react';
import { useClient } from 'urql';
import { type PagedList, readAllPages } from './all-pages.js';

/** A list that is read whole. */
export interface WholeList<Item> {
  /** Undefined until it was read once; what was read last stays while it cannot be read again. */
  items: Item[] | undefined;
  error: CombinedError | undefined;
}

/**
 * The whole of a list, however many pages it has, and how to read it again. While it is being read, a wish to read it again
 * waits for the end, so that a long list that is polled often is read to its end all the same.
 *
 * @param list has to be the same object at each call
 * @param version the list is read anew when this changes
 */
export function useAllPages<Item, Data>(
  list: PagedList<Item, Data>,
  version: unknown = null,
): [WholeList<Item>, () => void] {
  const client = useClient();
  const [state, setState] = useState<WholeList<Item>>({ items: undefined, error: undefined });
  const run = useRef({ mounted: false, busy: false, again: false });
  const read = useCallback((): void => {
    const { current } = run;
    if (current.busy) {
      current.again = true;
      return;
    }
    current.busy = true;
    void readAllPages(client, list).then((outcome) => {
      current.busy = false;
      if (!current.mounted) return;
      setState((before) =>
        'items' in outcome
          ? { items: outcome.items, error: undefined }
          : { items: before.items, error: outcome.error },
      );
      if (current.again) {
        current.again = false;
        read();
      }
    });
  }, [client, list]);
  useEffect(() => {
    const { current } = run;
    current.mounted = true;
    read();
    return () => {
      current.mounted = false;
    };
  }, [read, version]);
  return [state, read];
}
