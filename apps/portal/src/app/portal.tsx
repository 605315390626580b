import { RouterProvider } from '@tanstack/react-router';
import { type ReactNode, useEffect, useMemo } from 'react';
import { router } from './router.js';
import { useSession } from './session.js';

/** The pages, for whoever is signed in: signing in or out decides anew which page may be shown. */
export function Portal(): ReactNode {
  const { viewer } = useSession();
  const context = useMemo(() => ({ viewer }), [viewer]);
  useEffect(() => {
    void router.invalidate();
  }, [context]);
  return <RouterProvider router={router} context={context} />;
}
