import { createContext, type ReactNode, use, useCallback, useMemo, useState } from 'react';
import { Provider, useQuery } from 'urql';
import { ViewerQuery } from '../account/account.documents.js';
import { createApiClient, errorMessage } from '../api/client.js';
import type { Viewer } from '../api/schema.js';
import { Button } from '../ui/button.js';
import { Notice } from '../ui/status.js';

export interface Session {
  /** Null when nobody is signed in. */
  viewer: Viewer | null;
  /** Forgets everything that was read for the last viewer and asks who is signed in now. */
  renew: () => void;
  /** Asks the controller again who is signed in, without forgetting what is on the page. */
  check: () => void;
}

const SessionContext = createContext<Session | undefined>(undefined);

export function useSession(): Session {
  const session = use(SessionContext);
  if (session === undefined) throw new Error('useSession needs a SessionProvider above it');
  return session;
}

/** The signed-in viewer; only to be used below the pages that require one. */
export function useViewer(): Viewer {
  const { viewer } = useSession();
  if (viewer === null) throw new Error('useViewer is for pages that only a signed-in viewer sees');
  return viewer;
}

/** Asks who is signed in before it shows anything. */
function Gate({ renew, children }: { renew: () => void; children: ReactNode }): ReactNode {
  const [{ data, error, fetching }, refetch] = useQuery({ query: ViewerQuery });
  const check = useCallback(() => {
    refetch({ requestPolicy: 'network-only' });
  }, [refetch]);
  const viewer = data?.viewer ?? null;
  const session = useMemo(() => ({ viewer, renew, check }), [viewer, renew, check]);
  if (data === undefined && error !== undefined) {
    return (
      <main className="mx-auto max-w-md p-6 pt-[20vh]">
        <Notice
          tone="bad"
          title="The portal cannot start"
          action={
            <Button small busy={fetching} onClick={check}>
              Try again
            </Button>
          }
        >
          {errorMessage(error)}
        </Notice>
      </main>
    );
  }
  if (data === undefined) return <p className="sr-only">Loading</p>;
  return <SessionContext value={session}>{children}</SessionContext>;
}

/** One API client for one signed-in viewer: signing in or out begins a new one, so that no answer outlives its viewer. */
export function SessionProvider({ children }: { children: ReactNode }): ReactNode {
  const [generation, setGeneration] = useState(0);
  const renew = useCallback(() => {
    setGeneration((before) => before + 1);
  }, []);
  // A new client for every generation.
  const client = useMemo(() => ({ generation, api: createApiClient(renew) }), [generation, renew]);
  return (
    <Provider key={client.generation} value={client.api}>
      <Gate renew={renew}>{children}</Gate>
    </Provider>
  );
}
